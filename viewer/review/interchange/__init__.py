"""Findings of a reading to and from other programs."""
