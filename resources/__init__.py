"""Data that ships with Foveola: default settings, icons, themes, notices; read with ``importlib.resources``."""
