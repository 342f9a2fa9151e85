"""GLSL sources of the tile engine, read as package data by gpu.gl.program."""
