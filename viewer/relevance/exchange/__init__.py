"""Scores and annotations to and from other programs."""
