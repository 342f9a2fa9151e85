"""A slide's ICC profile as a table: device colours to sRGB, as a lookup table for a shader or numpy.

LittleCMS (through Pillow) does the colour arithmetic, for matrix and for table profiles alike.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageCms

from viewer.slide import strings

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PROFILE_BYTES = 16 * 2**20
_HEADER_BYTES = 128
_CLASSES = {b"scnr", b"mntr", b"prtr", b"spac"}


def lut_from_profile(profile: bytes, *, size: int = 33) -> NDArray[np.uint8]:
    """(size, size, size, 3) sRGB colours, indexed [r][g][b] by device colours evenly spaced from 0 to 255.

    Perceptual intent, which falls back to relative colorimetric where the profile has no table for it, as
    ICC.1 specifies. Interpolate trilinearly between entries. Raises ValueError, with a reason for people, for
    a profile that is damaged, too large, or not of an RGB device.
    """
    if size < 2:
        raise ValueError(f"a table needs at least 2 entries a side, not {size}")
    _check_header(profile)
    # LittleCMS converts 8-bit colours: those at the whole values on both sides of each entry's place.
    place = np.linspace(0, 255, size)
    below = np.minimum(np.floor(place), 254)
    device = np.stack([below, below + 1], axis=1).ravel().astype(np.uint8)
    grid = np.stack(np.meshgrid(device, device, device, indexing="ij"), axis=3)
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            "RGB",
            "RGB",
            renderingIntent=ImageCms.Intent.PERCEPTUAL,
        )
        image = Image.fromarray(grid.reshape(len(device) ** 2, len(device), 3), "RGB")
        converted = ImageCms.applyTransform(image, transform)
    except (ImageCms.PyCMSError, OSError) as error:
        raise ValueError(strings.PROFILE_DAMAGED.format(error=error)) from error
    if converted is None:
        raise ValueError(strings.PROFILE_EMPTY)
    table = np.asarray(converted, np.float64).reshape(*[len(device)] * 3, 3)
    part = place - below
    for axis in range(3):
        weight = part.reshape([-1 if other == axis else 1 for other in range(4)])
        before, after = (table.take(range(side, 2 * size, 2), axis) for side in (0, 1))
        table = before * (1 - weight) + after * weight
    return np.round(table).astype(np.uint8)


def _check_header(profile: bytes) -> None:
    """Raise ValueError where the header (ICC.1:2022, 7.2) is not that of a profile of an RGB device."""
    if len(profile) > MAX_PROFILE_BYTES:
        raise ValueError(strings.PROFILE_SIZE.format(most_mib=MAX_PROFILE_BYTES >> 20))
    if len(profile) < _HEADER_BYTES + 4 or profile[36:40] != b"acsp":
        raise ValueError(strings.PROFILE_HEADER)
    (length,) = struct.unpack_from(">I", profile)
    if length > len(profile):
        raise ValueError(strings.PROFILE_TRUNCATED.format(found=len(profile), length=length))
    if profile[12:16] not in _CLASSES:
        raise ValueError(strings.PROFILE_CLASS.format(kind=profile[12:16]))
    if profile[16:20] != b"RGB ":
        raise ValueError(strings.PROFILE_SPACE.format(space=profile[16:20]))
