"""DICOM headers that nest so deeply that OpenSlide's reader ends the process are never passed to it."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pytest

from tests.slide.formats.dicom_files import SYNTAX, UNDEFINED, WHOLE_SLIDE, Elements, cut, write_dicom
from viewer.slide.formats import strings as format_strings
from viewer.slide.formats.dicom import source, strings
from viewer.slide.formats.registry import open_slide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = Callable[[int, int], NDArray[np.uint8]]

SIZE = (128, 128)
JPEG = "4.50"
DEPTH = 60_000
SERIES, FRAME_GROUPS, PIXELS = 0x0020000E, 0x52009230, 0x7FE00010

OPEN = """
import sys
from pathlib import Path
from viewer.slide.formats.registry import open_slide
from viewer.slide.source import SlideError
try:
    info = open_slide(Path(sys.argv[1])).info
    print(info.reader, info.reader_reason)
except SlideError as error:
    print(error)
"""


def nested(tag: int, depth: int = DEPTH) -> bytes:
    """Sequences in each other's items, none of them closed."""
    head = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, b"SQ", 0, UNDEFINED)
    return (head + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)) * depth


def slide(path: Path, picture: Picture, *, series: str = "1.2.3", syntax: str = JPEG) -> Path:
    """A file that OpenSlide reads: with the first group in full, which it recognises a slide by."""
    frames = [
        bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(frame), level=90, colorspace="RGB"))
        for frame in cut(picture(*SIZE), 64)
    ]
    write_dicom(path, frames, syntax=syntax, colours="YBR_FULL_422", size=SIZE, series=series)
    whole = path.read_bytes()
    meta = Elements().text(0x00020002, "UI", WHOLE_SLIDE).text(0x00020003, "UI", f"{series}.1")
    meta.text(0x00020010, "UI", f"{SYNTAX}.{syntax}")
    length = Elements().number(0x00020000, len(meta.data), "I")
    body = whole[whole.index(struct.pack("<HH", 0x0008, 0x0008)) :]
    extras = {
        0x00080060: Elements().text(0x00080018, "UI", f"{series}.1"),
        0x00280103: Elements().number(0x00280102, 7),
    }
    for tag, extra in extras.items():
        at = body.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF))
        body = body[:at] + extra.data + body[at:]
    path.write_bytes(bytes(128) + b"DICM" + length.data + meta.data + body)
    return path


def put_before(path: Path, tag: int, data: bytes) -> None:
    whole = path.read_bytes()
    at = whole.index(struct.pack("<HH", tag >> 16, tag & 0xFFFF), 300)
    path.write_bytes(whole[:at] + data + whole[at:])


def opened(path: Path) -> str:
    """What a process of its own says of a file."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(path)], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sound_folder_is_read_by_openslide(tmp_path: Path, picture: Picture) -> None:
    path = slide(tmp_path / "a.dcm", picture)
    slide(tmp_path / "b.dcm", picture, series="9.9")
    (tmp_path / "notes.txt").write_text("no DICOM " * 30, encoding="utf-8")
    assert opened(path).startswith("openslide")


@pytest.mark.parametrize(
    ("before", "tag", "options"),
    [
        (SERIES, 0x00091001, {}),
        (PIXELS, 0x53000010, {}),
        (PIXELS, 0x53000010, {"series": "9.9"}),
        (PIXELS, 0x7FE10010, {"series": "9.9"}),
        (PIXELS, FRAME_GROUPS, {}),
        (SERIES, 0x00091001, {"syntax": "1.99"}),
        (SERIES, 0x00091001, {"syntax": "2"}),
    ],
)
def test_a_stranger_in_the_folder(
    before: int, tag: int, options: dict[str, str], tmp_path: Path, picture: Picture
) -> None:
    """Private ones, and such as OpenSlide reads on behind, or reads as what they are not."""
    path = slide(tmp_path / "a.dcm", picture)
    stranger = slide(tmp_path / "b.dcm", picture, series=options.get("series", "1.2.3"))
    put_before(stranger, before, nested(tag))
    if "syntax" in options:
        uid = f"{SYNTAX}.{JPEG}".encode()
        other = f"{SYNTAX}.{options['syntax']}".encode().ljust(len(uid), b"\0")
        stranger.write_bytes(stranger.read_bytes().replace(uid, other, 1))
    said = opened(path)
    assert said.startswith("dicom")
    assert strings.NOT_FOR_OPENSLIDE in said


def test_the_file_itself(tmp_path: Path, picture: Picture) -> None:
    path = slide(tmp_path / "a.dcm", picture)
    put_before(path, SERIES, nested(0x00091001))
    said = opened(path)
    assert said.startswith(str(path))
    assert strings.TOO_DEEP in said
    assert format_strings.OPENSLIDE_DICOM in said


def test_more_files_than_are_read(tmp_path: Path, picture: Picture, monkeypatch: pytest.MonkeyPatch) -> None:
    path = slide(tmp_path / "a.dcm", picture)
    put_before(slide(tmp_path / "b.dcm", picture), SERIES, nested(0x00091001))
    monkeypatch.setattr(source, "_MAX_FILES", 1)
    found = open_slide(path)
    assert found.info.reader_reason.endswith(
        strings.OPENSLIDE_REFUSES.format(reason=strings.NOT_FOR_OPENSLIDE) + "."
    )
    found.close()


def test_a_tiff_that_is_dicom_too(tmp_path: Path, picture: Picture) -> None:
    """The first 128 bytes of a DICOM file are free: here they are the head of a TIFF."""
    path = slide(tmp_path / "a.dcm", picture)
    put_before(path, SERIES, nested(0x00091001))
    dicom = path.read_bytes()
    pixels = picture(64, 64).tobytes()
    tags = {256: 64, 257: 64, 258: 8, 259: 1, 262: 2, 273: len(dicom), 277: 3, 278: 64, 279: len(pixels)}
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack("<2sHI", b"II", 42, len(dicom) + len(pixels))
    path.write_bytes(head + dicom[8:] + pixels + directory + bytes(4))
    assert opened(path).startswith("tiff")
