"""A slide's ICC profile as a table that the shader can look colours up in."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PROFILE_BYTES = 16 << 20


def lut_from_profile(profile: bytes, *, size: int = 33) -> NDArray[np.uint8]:
    """Device RGB to sRGB as (size, size, size, 3), indexed [red][green][blue], evenly spaced from 0 to 255.

    Matrix and table profiles alike, by the profile's own rendering intent (ICC.1:2022). Raises ValueError saying
    why a profile cannot be used.
    """
    if len(profile) > MAX_PROFILE_BYTES:
        raise ValueError(f"a profile of {len(profile):,} bytes is beyond the limit of {MAX_PROFILE_BYTES:,}")
    levels = np.rint(np.linspace(0, 255, size)).astype(np.uint8)
    grid = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1)
    try:
        device = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        intent = ImageCms.Intent(ImageCms.getDefaultIntent(device))
        transform = ImageCms.buildTransform(device, ImageCms.createProfile("sRGB"), "RGB", "RGB", intent)
        picture = Image.fromarray(grid.reshape(size, size * size, 3))
        mapped = ImageCms.applyTransform(picture, transform)
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise ValueError(f"not a usable RGB profile ({error})") from error
    assert mapped is not None
    return np.asarray(mapped).reshape(size, size, size, 3)
