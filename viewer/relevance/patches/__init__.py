"""The grid of 128 µm patches and values on it: fields, blocks, outcomes, attention codes, peaks."""
