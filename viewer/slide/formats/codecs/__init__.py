"""Coded pictures to samples, whatever kind of file holds them: JPEG, JPEG 2000 and other codecs."""
