"""The one exception of this package: something the graphics processor or its driver refused."""


class GpuError(RuntimeError):
    """An OpenGL or EGL failure; the message says what was attempted, what happened and what to do."""
