"""Allocation and stain separation in torch and CUDA. Never imports OpenGL."""
