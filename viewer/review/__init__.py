"""The second reader: who read which slide, what was displayed, what was said, and how readings compare.

Neither Qt nor torch: commands and the window share it.
"""
