"""ICC tables: looked up with interpolation they say what LittleCMS says pixel by pixel; bad profiles are
refused.
"""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageCms

from tests.messages import pattern
from viewer.slide import strings
from viewer.slide.icc import MAX_PROFILE_BYTES, lut_from_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray


def s15fixed16(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def profile_of(tags: dict[bytes, bytes], *, connection: bytes, space: bytes = b"RGB ") -> bytes:
    """An ICC version 2 profile (ICC.1:2001-04) of a scanner with the given tags."""
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name + struct.pack(">II", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = bytearray(128)
    header[0:4] = struct.pack(">I", start + len(data))
    header[8:12] = b"\x02\x40\x00\x00"
    header[12:16], header[16:20], header[20:24] = b"scnr", space, connection
    header[36:40] = b"acsp"
    header[68:80] = s15fixed16(0.9642, 1.0, 0.8249)  # D50
    return bytes(header) + table + data


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + s15fixed16(*values)


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


@pytest.fixture
def matrix_profile() -> bytes:
    """A strong one: primaries turned round (red reads as green), gamma 1.4, 2.6 and 1.0."""
    return profile_of(
        {
            b"wtpt": xyz(0.9642, 1.0, 0.8249),
            b"rXYZ": xyz(0.3851, 0.7169, 0.0971),
            b"gXYZ": xyz(0.1431, 0.0606, 0.7141),
            b"bXYZ": xyz(0.4360, 0.2225, 0.0139),
            b"rTRC": gamma(1.4),
            b"gTRC": gamma(2.6),
            b"bTRC": gamma(1.0),
        },
        connection=b"XYZ ",
    )


@pytest.fixture
def table_profile() -> bytes:
    """A three-dimensional table (lut8, 9 nodes) to L*a*b*: dark becomes light, hues are shifted."""
    nodes = 9
    red, green, blue = np.meshgrid(*[np.linspace(0, 1, nodes)] * 3, indexing="ij")
    lightness = 255 * (1 - (0.3 * red + 0.5 * green + 0.2 * blue) * 0.8)
    lab = np.stack([lightness, 128 + 70 * (green - blue) * red, 128 + 60 * (red - green)], axis=3)
    ramp = bytes(range(256))
    content = (
        b"mft1\0\0\0\0"
        + bytes([3, 3, nodes, 0])
        + s15fixed16(1, 0, 0, 0, 1, 0, 0, 0, 1)
        + ramp * 3
        + np.round(lab).astype(np.uint8).tobytes()
        + ramp * 3
    )
    return profile_of({b"wtpt": xyz(0.9642, 1.0, 0.8249), b"A2B0": content}, connection=b"Lab ")


def by_littlecms(profile: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    converted = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.PERCEPTUAL,
    )
    assert converted is not None
    return np.asarray(converted)


def looked_up(table: NDArray[np.uint8], pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Trilinear lookup, as the shader does it."""
    place = pixels / 255 * (len(table) - 1)
    low = np.minimum(place.astype(int), len(table) - 2)
    part = place - low
    out = np.zeros(pixels.shape)
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(np.array(corner), part, 1 - part), axis=-1, keepdims=True)
        red, green, blue = np.moveaxis(low + corner, -1, 0)
        out += weight * table[red, green, blue]
    return out


@pytest.mark.parametrize("kind", ["matrix_profile", "table_profile"])
def test_lookup_says_what_littlecms_says(
    request: pytest.FixtureRequest, kind: str, rng: np.random.Generator
) -> None:
    profile = request.getfixturevalue(kind)
    pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
    expected = by_littlecms(profile, pixels)
    assert np.abs(expected.astype(int) - pixels).mean() > 40  # a strong profile
    table = lut_from_profile(profile)
    assert table.shape == (33, 33, 33, 3)
    assert table.dtype == np.uint8
    difference = np.abs(looked_up(table, pixels) - expected)
    assert difference.mean() < 1.0
    assert np.percentile(difference, 99) < 6


def test_the_first_axis_is_red(matrix_profile: bytes) -> None:
    table = lut_from_profile(matrix_profile, size=2)
    corners = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    expected = by_littlecms(matrix_profile, corners)[0]
    assert np.array_equal(np.stack([table[1, 0, 0], table[0, 1, 0], table[0, 0, 1]]), expected)
    assert table[1, 0, 0].argmax() == 1  # this profile's red is green


def test_srgb_changes_nothing() -> None:
    table = lut_from_profile(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), size=18)
    ramp = np.linspace(0, 255, 18)
    identity = np.stack(np.meshgrid(ramp, ramp, ramp, indexing="ij"), axis=3)
    assert np.abs(table - identity).max() <= 1.5


def test_bad_profiles_are_refused(matrix_profile: bytes) -> None:
    grey = profile_of({b"wtpt": xyz(1, 1, 1), b"kTRC": gamma(2)}, connection=b"XYZ ", space=b"GRAY")
    link = bytearray(matrix_profile)
    link[12:16] = b"link"
    for profile, reason in (
        (b"", strings.PROFILE_HEADER),
        (b"x" * 500, strings.PROFILE_HEADER),
        (matrix_profile[:200], pattern(strings.PROFILE_TRUNCATED, found=200)),
        (grey, pattern(strings.PROFILE_SPACE)),
        (bytes(link), pattern(strings.PROFILE_CLASS)),
        (bytes(MAX_PROFILE_BYTES + 1), pattern(strings.PROFILE_SIZE, most_mib=16)),
        (profile_of({b"wtpt": xyz(1, 1, 1)}, connection=b"XYZ "), pattern(strings.PROFILE_DAMAGED)),
    ):
        with pytest.raises(ValueError, match=reason):
            lut_from_profile(profile)


def test_fuzzed_profiles_give_a_table_or_a_reason(matrix_profile: bytes, rng: np.random.Generator) -> None:
    refused = 0
    for _ in range(150):
        profile = bytearray(matrix_profile)
        for place in rng.integers(0, len(profile), 4):
            profile[place] = rng.integers(0, 256)
        try:
            table = lut_from_profile(bytes(profile), size=3)
        except ValueError:
            refused += 1
        else:
            assert table.shape == (3, 3, 3, 3)
    assert 0 < refused < 150


def test_a_table_needs_two_entries(matrix_profile: bytes) -> None:
    with pytest.raises(ValueError, match="at least 2"):
        lut_from_profile(matrix_profile, size=1)
