"""Whole-slide maps computed without a window, and the OME-TIFF files they become."""
