"""Measurements of speed behind ``foveola bench``."""
