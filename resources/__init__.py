"""Data that ships with Foveola: default settings, icons, themes and notices. Read through ``importlib.resources``."""
