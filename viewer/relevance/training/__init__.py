"""Fit, test and report a slide head."""
