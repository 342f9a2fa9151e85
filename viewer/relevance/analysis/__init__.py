"""Analyse one slide, or many, with one encoder: schedule, blocks, scoring, allocation, search."""
