"""Foveola: a viewer for whole-slide images that knows where to look. Research use only."""

__version__ = "0.1.0"

RESEARCH_USE = "Research use only"
RESEARCH_USE_STATEMENT = "For Research Use Only. Not for use in diagnostic procedures."
"""Wording of 21 CFR 809.10(c)(2)(i), on every view and export of the second reader."""
