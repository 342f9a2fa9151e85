"""Docks about the slide itself."""
