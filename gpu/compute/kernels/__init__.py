"""CUDA C++ sources, compiled at run time; each kernel has a twin in torch that gives the same answer."""
