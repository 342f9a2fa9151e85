"""Layers, legend and attention: controls and controllers."""
