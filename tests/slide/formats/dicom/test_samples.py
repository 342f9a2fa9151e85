"""DICOM slides of palette colours and of signed samples, and deflated ones."""

from __future__ import annotations

import struct
import tracemalloc
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from tests.slide.formats.dicom_files import Elements, cut, rle, write_dicom
from viewer.slide.formats.dicom import source as dicom_source
from viewer.slide.formats.dicom import strings
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    Opened = Callable[[Path], Source]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]

SIZE = (150, 120)


def palette_elements(
    colours: NDArray[Any], *, first: int = 0, bits: int = 16, data: bytes | None = None, order: str = "<"
) -> Elements:
    out = Elements(order=order)
    count = len(colours) % 65536
    for plane in range(3):
        out.add(0x00281101 + plane, "US", struct.pack(f"{order}HHH", count, first & 0xFFFF, bits))
    for plane in range(3):
        words = colours[:, plane].astype(f"{order}u2").tobytes()
        out.add(0x00281201 + plane, "OW", words if data is None else data)
    return out


@pytest.fixture
def indexed(picture: Picture) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """The numbers of a picture of 200 colours, these colours, and the picture as Pillow shows it."""
    image = Image.fromarray(picture(*SIZE)).quantize(200)
    colours = np.array(image.getpalette(), np.uint8).reshape(-1, 3)[:200]
    return np.asarray(image), colours, np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("syntax", ["1", "1.99", "5", "4.80", "4.90"])
def test_palettes_of_every_lossless_coding(
    syntax: str, indexed: Any, tmp_path: Path, opened: Opened, whole_level: WholeLevel
) -> None:
    numbers, colours, shown = indexed
    encode = {
        "5": rle,
        "4.80": imagecodecs.jpegls_encode,
        "4.90": lambda frame: imagecodecs.jpeg2k_encode(frame, codecformat="j2k", reversible=True),
    }.get(syntax, lambda frame: frame.tobytes())
    frames = [encode(frame) for frame in cut(numbers, 64)]
    wide = palette_elements(colours.astype(np.uint16) * 257)
    path = write_dicom(tmp_path / "a.dcm", frames, syntax=syntax, colours="PALETTE COLOR", palette=wide)
    source = opened(path)
    assert source.info.reader == "dicom"
    assert source.info.notes == ()
    assert np.array_equal(whole_level(source, 0)[..., :3], shown)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("form", ["two a word", "one a word", "8 bits called 16"])
def test_palettes_as_programs_write_them(
    form: str, order: str, indexed: Any, tmp_path: Path, opened: Opened, whole_level: WholeLevel
) -> None:
    numbers, colours, shown = indexed
    if form == "two a word":
        out = Elements(order=order)
        for plane in range(3):
            out.add(0x00281101 + plane, "US", struct.pack(f"{order}HHH", len(colours), 0, 8))
        for plane in range(3):
            pairs = colours[:, plane].copy().view("<u2").astype(f"{order}u2")
            out.add(0x00281201 + plane, "OW", pairs.tobytes())
    else:
        out = palette_elements(colours, bits=8 if form == "one a word" else 16, order=order)
    frames = [frame.tobytes() for frame in cut(numbers, 64)]
    syntax = "1" if order == "<" else "2"
    path = write_dicom(tmp_path / "a.dcm", frames, syntax=syntax, colours="PALETTE COLOR", palette=out)
    assert np.array_equal(whole_level(opened(path), 0)[..., :3], shown)


def test_numbers_outside_the_palette_have_its_first_and_last_colour(
    tmp_path: Path, opened: Opened, whole_level: WholeLevel
) -> None:
    colours = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint16) * 257
    numbers = np.zeros((64, 64), np.int16)
    numbers[0, :6] = -30000, -2, -1, 0, 1, 30000
    path = write_dicom(
        tmp_path / "a.dcm",
        [numbers.tobytes()],
        colours="PALETTE COLOR",
        size=(64, 64),
        bits=16,
        is_signed=True,
        palette=palette_elements(colours, first=-2),
    )
    assert whole_level(opened(path), 0)[0, :6, 0].tolist() == [10, 10, 40, 70, 70, 70]


def test_palettes_that_cannot_be_read_say_so(tmp_path: Path, opened: Opened) -> None:
    colours = np.zeros((4, 3), np.uint16)
    segmented = palette_elements(colours).add(0x00281221, "OW", bytes(8))
    uneven = palette_elements(colours)
    uneven.data = uneven.data.replace(struct.pack("<HHH", 4, 0, 16), struct.pack("<HHH", 3, 0, 16), 1)
    odd = Elements().add(0x00281101, "US", bytes(6), length=5)
    odd.data = odd.data[:-1]
    cases = [
        (segmented, strings.PALETTE_SEGMENTED),
        (odd, strings.PALETTE),
        (palette_elements(colours, data=b"\0\0"), strings.PALETTE),
        (palette_elements(colours, bits=12), strings.PALETTE),
        (uneven, strings.PALETTE),
    ]
    for palette, reason in cases:
        path = write_dicom(tmp_path / "a.dcm", [bytes(4096)] * 6, colours="PALETTE COLOR", palette=palette)
        with pytest.raises(SlideError, match=pattern(reason)):
            opened(path)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("syntax", ["1", "5", "4.90"])
def test_signed_samples_are_shown_from_the_lowest_to_the_highest(
    syntax: str, bits: int, tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel
) -> None:
    half = 1 << (bits - 1)
    shown = picture(*SIZE)[..., 1]
    values = ((shown.astype(np.int32) << (bits - 8)) - half).astype(np.int8 if bits == 8 else np.int16)
    encode: dict[str, Callable[[NDArray[Any]], bytes]] = {
        "1": lambda frame: frame.tobytes(),
        "5": lambda frame: rle(frame.view(f"u{frame.itemsize}")),
        "4.90": lambda frame: imagecodecs.jpeg2k_encode(
            frame, codecformat="j2k", reversible=True, bitspersample=bits
        ),
    }
    frames = [encode[syntax](frame) for frame in cut(values, 64)]
    options = {"colours": "MONOCHROME2", "bits": bits, "is_signed": True, "syntax": syntax}
    source = opened(write_dicom(tmp_path / "a.dcm", frames, **options))
    assert source.info.notes == (strings.SIGNED.format(black=-half, white=half - 1),)
    assert np.array_equal(whole_level(source, 0)[..., 0], shown)
    source = opened(write_dicom(tmp_path / "b.dcm", frames, **options | {"colours": "MONOCHROME1"}))
    assert source.info.notes == (strings.SIGNED.format(black=half - 1, white=-half),)
    assert np.array_equal(whole_level(source, 0)[..., 0], 255 - shown)


@pytest.mark.parametrize(
    ("colours", "note"),
    [
        ("MONOCHROME1", strings.INVERTED_IN_8_BITS.format(bits=12, black=4095)),
        ("MONOCHROME2", strings.SHOWN_IN_8_BITS.format(bits=12, white=4095)),
    ],
)
def test_the_note_says_which_end_of_12_bits_is_black(
    colours: str, note: str, tmp_path: Path, opened: Opened, whole_level: WholeLevel
) -> None:
    numbers = np.zeros((64, 64), np.uint16)
    numbers[32:] = 4095
    path = write_dicom(tmp_path / "a.dcm", [numbers.tobytes()], colours=colours, size=(64, 64), bits=12)
    source = opened(path)
    assert source.info.notes == (note,)
    black = slice(32, 64) if colours == "MONOCHROME1" else slice(0, 32)
    shown = whole_level(source, 0)[..., 0]
    assert (shown[black] == 0).all()
    assert (shown == 0).sum() == shown.size // 2


def test_files_of_a_deflated_series_share_the_memory_they_may_take(
    tmp_path: Path, picture: Picture, opened: Opened, whole_level: WholeLevel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = picture(128, 128)
    for name, each, size in (("a", pixels, 128), ("b", pixels[::2, ::2], 64)):
        frames = [frame.tobytes() for frame in cut(each, 64)]
        write_dicom(tmp_path / f"{name}.dcm", frames, syntax="1.99", size=(size, size))
    source = opened(tmp_path / "a.dcm")
    assert source.info.file_levels == ((128, 128), (64, 64))
    assert np.array_equal(whole_level(source, 0)[..., :3], pixels)
    assert np.array_equal(whole_level(source, 1)[..., :3], pixels[::2, ::2])
    monkeypatch.setattr(dicom_source, "MAX_INFLATED_BYTES", 60_000)
    assert opened(tmp_path / "a.dcm").info.file_levels == ((128, 128),)


def test_a_deflated_slide_stays_once_in_memory_and_others_beside_it_not_at_all(
    tmp_path: Path, opened: Opened
) -> None:
    frames = [bytes(256 * 256 * 3)] * 64
    size = 2048, 2048
    path = write_dicom(tmp_path / "a.dcm", frames, syntax="1.99", size=size, side=256)
    write_dicom(tmp_path / "b.dcm", frames * 4, syntax="1.99", size=(4096, 4096), side=256, series="9")
    tracemalloc.start()
    try:
        source = opened(path)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert source.info.file_levels == (size,)
    assert peak_bytes < 1.7 * 64 * len(frames[0])  # the bytes, and room to append to them
