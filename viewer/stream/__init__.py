"""Which tiles are read, in which order, into which memory."""
