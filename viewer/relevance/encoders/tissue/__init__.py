"""The tissue encoder: measurements beside a small network that was trained on openly licensed slides."""
