"""The OpenGL canvas, one slide view, and what is drawn or clicked on it."""
