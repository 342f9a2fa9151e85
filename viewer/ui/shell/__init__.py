"""The window: start-up, actions, menus, preferences, active view, opening."""
