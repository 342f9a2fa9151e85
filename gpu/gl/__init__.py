"""OpenGL: contexts, programs, texture pools, renderers. Never imports torch."""
