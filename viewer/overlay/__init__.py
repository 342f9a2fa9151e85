"""Overlays of a slide, as data: layers, looks, colour maps, shapes."""
