"""Foveola: a viewer for whole-slide images that knows where to look. Research use only."""

__version__ = "0.1.0"

RESEARCH_USE = "Research use only"
