"""DICOM files whose claims cannot be, or that are cut short: refused in one sentence that names the file."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pytest

from tests.messages import pattern
from tests.slide.formats.dicom_files import Elements, cut, in_items, rle, write_dicom
from viewer.slide.formats.codecs.strings import DAMAGED, NO_JPEG_2000_HEADER
from viewer.slide.formats.dicom import source, strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Picture = Callable[[int, int], NDArray[np.uint8]]

SIZE = (150, 120)
SHORT = rle(np.zeros((8, 8), np.uint8))


def refused(path: Path, reason: str) -> None:
    with pytest.raises(SlideError, match=reason) as error:
        open_slide(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"syntax": "4.100"}, pattern(strings.SYNTAX)),
        ({"size": (0, 5)}, pattern(strings.SIZES)),
        ({"size": (2**31 - 1, 2**31 - 1)}, pattern(strings.FRAME_COUNT)),
        ({"side": 4}, pattern(strings.SIZES, width=64, frame_width=4)),
        ({"side": 65535}, pattern(strings.SIZES, frame_width=65535)),
        ({"bits": 24}, pattern(strings.SAMPLES, bits=24)),
        ({"colours": "PALETTE COLOR"}, pattern(strings.PALETTE)),
        ({"sop_class": "1.2"}, strings.NOT_A_SLIDE),
        ({"without": (0x00080008,)}, strings.NOT_A_SLIDE),
        ({"kind": "LABEL"}, strings.NO_VOLUME),
        ({"positions": [(1, 1)]}, strings.OFF_GRID),
        ({"pixel_data": b""}, pattern(strings.CUT_SHORT)),
        ({"pixel_data": struct.pack("<HHI", 0xFFFE, 0xE000, 2**31)}, pattern(strings.ITEM_EXPECTED)),
        ({"pixel_data": in_items([])}, pattern(strings.FRAME_COUNT, claimed=1, found=0)),
        ({"pixel_data": in_items([[b"ab", b"cd"]], offsets=False)}, pattern(DAMAGED, coding="JPEG-LS")),
        ({"pixel_data": in_items([[bytes(80_000)]])}, pattern(strings.FRAME_CLAIM, count="80,000")),
        ({"pixel_data": in_items([[bytes(40_000)] * 2])}, pattern(strings.FRAME_CLAIM, count="80,000")),
        ({"syntax": "5"}, pattern(strings.FRAME_BYTES)),
        ({"syntax": "5", "pixel_data": in_items([[SHORT]])}, pattern(strings.FRAME_BYTES)),
        ({"syntax": "4.50", "pixel_data": in_items([])}, pattern(strings.FRAME_COUNT, found=0)),
        ({"syntax": "1.98"}, pattern(strings.FRAME_BYTES, found=8, expected=4096)),
        ({"syntax": "4.90", "colours": "RGB"}, NO_JPEG_2000_HEADER),
        ({"syntax": "1"}, pattern(strings.FRAME_COUNT, claimed=1)),
    ],
)
def test_claims_that_cannot_be(options: dict[str, Any], reason: str, tmp_path: Path) -> None:
    whole = {"syntax": "4.80", "colours": "MONOCHROME2", "size": (64, 64), **options}
    refused(write_dicom(tmp_path / "a.dcm", [b"no frame"], **whole), reason)


@pytest.mark.parametrize("stated", [(0, 4), (0, 1, 2)])
def test_fewer_fragments_than_frames(stated: tuple[int, ...], tmp_path: Path) -> None:
    table = struct.pack(f"<HHI{len(stated)}I", 0xFFFE, 0xE000, 4 * len(stated), *stated)
    pixel_data = table + in_items([[b"ab"], [b"cd"]], offsets=False)[8:]
    path = write_dicom(tmp_path / "a.dcm", [b""] * 3, syntax="4.80", pixel_data=pixel_data)
    refused(path, pattern(strings.FRAME_COUNT, claimed=3, found=2))


def test_more_elements_or_frames_than_any_slide_has(
    tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [imagecodecs.jpegls_encode(frame) for frame in cut(picture(*SIZE), 64)]
    path = write_dicom(tmp_path / "a.dcm", frames[:1], syntax="4.80", size=(64, 64))
    with monkeypatch.context() as patch:
        patch.setattr("viewer.slide.formats.dicom.dataset.MAX_ELEMENTS", 9)
        refused(path, pattern(strings.TOO_MANY_ELEMENTS, count=9))
    items = in_items([[frame] for frame in frames])
    write_dicom(path, [b""], syntax="4.80", size=(64, 64), pixel_data=items)
    monkeypatch.setattr("viewer.slide.formats.dicom.frames.MAX_FRAMES", 2)
    refused(path, pattern(strings.FRAME_COUNT, claimed=1, found=3))


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts the open files of the process")
def test_a_refused_slide_leaves_no_file_open(tmp_path: Path) -> None:
    for name in "abc":
        path = write_dicom(
            tmp_path / f"{name}.dcm", [b"no frame"], syntax="4.80", colours="MONOCHROME2", kind="LABEL"
        )
    before = len(list(Path("/proc/self/fd").iterdir()))
    refused(path, strings.NO_VOLUME)
    write_dicom(path, [b"no frame"], syntax="4.80", colours="MONOCHROME2")
    refused(path, pattern(DAMAGED, coding="JPEG-LS"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_headers_cut_short_anywhere(tmp_path: Path, picture: Picture) -> None:
    path = write_dicom(
        tmp_path / "a.dcm",
        [imagecodecs.jpegls_encode(frame) for frame in cut(picture(*SIZE), 64)],
        syntax="4.80",
        is_open=True,
    )
    whole = path.read_bytes()
    for length in range(133, 900, 7):
        path.write_bytes(whole[:length])
        refused(path, "a.dcm")


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        (Elements().add(0x00100010, "UN", b"", 2**31), pattern(strings.VALUE_SIZE, tag="00100010")),
        (Elements().add(0x00400555, "SQ", b"abcdefgh", 8), pattern(strings.ITEM_EXPECTED)),
    ],
)
def test_lengths_beyond_the_file(elements: Elements, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    meta = Elements().text(0x00020010, "UI", "1.2.840.10008.1.2.4.80")
    path.write_bytes(bytes(128) + b"DICM" + meta.data + elements.data)
    refused(path, reason)


def test_nesting_without_end(tmp_path: Path) -> None:
    inner = Elements()
    for _ in range(200):
        inner = Elements().sequence(0x00400555, [inner], is_open=True)
    path = tmp_path / "a.dcm"
    meta = Elements().text(0x00020010, "UI", "1.2.840.10008.1.2.4.80")
    path.write_bytes(bytes(128) + b"DICM" + meta.data + inner.data)
    refused(path, strings.TOO_DEEP)


def test_deflated_files_are_inflated_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [bytes(64 * 64 * 3)] * 6
    path = write_dicom(tmp_path / "a.dcm", frames, syntax="1.99")
    monkeypatch.setattr(source, "MAX_INFLATED_BYTES", 70_000)
    refused(path, pattern(strings.INFLATED_SIZE))
    whole = path.read_bytes()
    start = 144 + int.from_bytes(whole[140:144], "little")
    inflated_bytes = start + len(zlib.decompress(whole[start:], -15))
    for most in (inflated_bytes - 1, inflated_bytes - start, start - 1):
        monkeypatch.setattr(source, "MAX_INFLATED_BYTES", most)
        refused(path, pattern(strings.INFLATED_SIZE))
    monkeypatch.setattr(source, "MAX_INFLATED_BYTES", 2**28)
    path.write_bytes(whole[:-9])
    refused(path, pattern(strings.FRAME_COUNT, claimed=6, found=5))
    deflate = zlib.compressobj(wbits=-15)
    path.write_bytes(whole[:start] + deflate.compress(b"\x08\0\x08") + deflate.flush())
    refused(path, pattern(strings.BEYOND_INFLATED))
    path.write_bytes(whole[:start] + b"\xff" * 60)
    refused(path, pattern(strings.NOT_DEFLATED))
    path.write_bytes(whole[:150])
    refused(path, pattern(strings.CUT_SHORT))
