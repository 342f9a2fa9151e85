"""Slide-level heads (multiple-instance learning), and how their files are recognised."""
