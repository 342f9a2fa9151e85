"""The one exception of this package: a failure of the graphics processor or its driver."""


class GpuError(RuntimeError):
    """An OpenGL or EGL failure; the message states what was attempted, what happened and what to do."""
