"""Attention on one slide: its data, regions, slide heads, overlap, shared memory."""
