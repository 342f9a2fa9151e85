"""Data that ships with Foveola: settings, icons, themes, the guide, notices. See ``importlib.resources``."""
