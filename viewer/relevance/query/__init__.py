"""Typed words to an evaluated query tree."""
