"""The second reader in the window: what was displayed of a slide, and what was not."""
