"""Probes for ``foveola doctor``. They may crash: each runs as a process of its own, and prints JSON."""

from __future__ import annotations

import ctypes
import json
import sys
from typing import TYPE_CHECKING, Any

from viewer.cli import strings_doctor as strings

if TYPE_CHECKING:
    from collections.abc import Callable


def offscreen() -> dict[str, Any]:
    """Facts on OpenGL without a display, as snapshots use it."""
    from gpu.gl.context import OffscreenContext, gl_info

    with OffscreenContext():
        return dict(gl_info())


def window() -> dict[str, Any]:
    """Facts on Qt and OpenGL on the display. Qt aborts the process where there is none."""
    from gpu.gl.context import prepare_egl_environment

    prepare_egl_environment()
    from PySide6.QtGui import QGuiApplication, QOffscreenSurface, QOpenGLContext

    app = QGuiApplication([])
    context = QOpenGLContext()
    surface = QOffscreenSurface()
    surface.create()
    if not (context.create() and context.makeCurrent(surface)):
        raise RuntimeError(strings.NO_GL_CONTEXT)
    major, minor = context.format().version()
    context.doneCurrent()
    size = app.primaryScreen().size()
    return {
        "platform": app.platformName(),
        "screen_px": [size.width(), size.height()],
        "pixel_ratio": app.primaryScreen().devicePixelRatio(),
        "opengl": f"{major}.{minor}",
    }


def codecs() -> dict[str, Any]:
    """Versions of the codecs, after each has decoded a small picture."""
    import imagecodecs
    import numpy as np
    import openslide
    import simplejpeg

    picture = np.full((16, 16, 3), 200, np.uint8)
    jpeg = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(picture), "RGBA")
    jpeg2000 = imagecodecs.jpeg2k_decode(imagecodecs.jpeg2k_encode(picture))
    if jpeg.shape != (16, 16, 4) or not np.array_equal(jpeg2000, picture):
        raise RuntimeError(strings.WRONG_PIXELS)
    return {
        "openslide": openslide.__library_version__,
        "jpeg": f"simplejpeg {simplejpeg.__version__}",
        "jpeg2000": imagecodecs.jpeg2k_version(),
    }


def cuda() -> dict[str, Any]:
    """Facts from the NVIDIA driver itself: neither a toolkit nor torch is needed."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return {"driver": None, "devices": []}

    def call(name: str, *arguments: Any) -> None:
        status = getattr(driver, name)(*arguments)
        if status:
            raise RuntimeError(strings.DRIVER_ERROR.format(status=status, name=name))

    call("cuInit", 0)
    version, count = ctypes.c_int(), ctypes.c_int()
    call("cuDriverGetVersion", ctypes.byref(version))
    call("cuDeviceGetCount", ctypes.byref(count))
    names = []
    for index in range(count.value):
        device, name = ctypes.c_int(), ctypes.create_string_buffer(128)
        call("cuDeviceGet", ctypes.byref(device), index)
        call("cuDeviceGetName", name, len(name), device)
        names.append(name.value.decode("utf-8", "replace"))
    return {"driver": f"{version.value // 1000}.{version.value % 1000 // 10}", "devices": names}


def analysis() -> dict[str, Any]:
    """The device that the analysis would compute on, chosen as in its own process."""
    import torch

    from gpu.compute.device import compute_device

    device = compute_device()
    return {"torch": torch.__version__, "device": device.name, "why": device.why}


def encoder() -> dict[str, Any]:
    """The encoder that answers words where none is chosen, after it was loaded."""
    from viewer.relevance.encoders.registry import encoder_in_use, load_encoder
    from viewer.relevance.encoders.tissue.card import tissue_facts

    tissue_facts()  # one that is damaged is not passed over
    card = load_encoder(encoder_in_use("")).card
    return {"title": card.title, "version": card.version, "page": card.page}


PROBES: dict[str, Callable[[], dict[str, Any]]] = {
    "offscreen": offscreen,
    "window": window,
    "codecs": codecs,
    "cuda": cuda,
    "analysis": analysis,
    "encoder": encoder,
}

if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(PROBES[sys.argv[1]]()))
    except Exception as error:  # any failure is a finding of the doctor
        sys.exit(f"{type(error).__name__}: {error}")
