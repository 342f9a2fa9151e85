"""Data that ships with Foveola: default settings, icons, themes, notices. See ``importlib.resources``."""
