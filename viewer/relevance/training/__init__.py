"""Fit, test and report slide heads, the tissue encoder and a HIPT."""
