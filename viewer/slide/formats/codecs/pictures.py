"""Coded pictures that state their own size, depth and colours: WebP, PNG, JPEG XL, JPEG XR, JPEG-LS, LERC.

Each is decoded into memory of the expected form, which its decoder checks before anything else.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

from viewer.slide.formats.codecs import strings
from viewer.slide.formats.codecs.codec_error import CodecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# By name: imagecodecs loads a decoder's library when it is first asked for, and few slides need any of these.
_DECODERS = {
    "JPEG-LS": "jpegls_decode",
    "JPEG XL": "jpegxl_decode",
    "JPEG XR": "jpegxr_decode",
    "LERC": "lerc_decode",
    "PNG": "png_decode",
    "WebP": "webp_decode",
}


def decode_picture(
    coding: str, data: bytes, shape: tuple[int, int, int], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """``shape`` (height, width, samples) of ``dtype``, as coded: colours as RGB. Raises CodecError."""
    decoder: Callable[..., NDArray[Any]] = getattr(imagecodecs, _DECODERS[coding])
    if coding == "WebP":
        decoder = partial(decoder, hasalpha=shape[2] == 4)
    out = np.empty(shape if shape[2] > 1 else shape[:2], dtype)
    try:
        return decoder(data, out=out).reshape(shape)
    except (RuntimeError, ValueError) as error:  # the base of every imagecodecs error
        raise CodecError(strings.DAMAGED.format(coding=coding, error=error)) from None
