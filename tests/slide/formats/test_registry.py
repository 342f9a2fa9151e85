"""Which reader takes a file, and what is said where none does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.messages import pattern
from viewer.slide import strings
from viewer.slide.formats import registry
from viewer.slide.formats import strings as formats
from viewer.slide.formats.array import ArraySource
from viewer.slide.formats.registry import is_listed, open_slide, slide_suffixes
from viewer.slide.formats.slide_format import SlideFile, SlideFormat
from viewer.slide.formats.tiff.strings import CHEAPER_BY_OPENSLIDE, NOT_TIFF
from viewer.slide.geometry import Rect, TileKey
from viewer.slide.source import NotThisReader, SlideError, SlideInfo

if TYPE_CHECKING:
    from collections.abc import Callable


def refused(path: Path | str) -> str:
    with pytest.raises(SlideError) as error:
        open_slide(path)
    assert str(path) in str(error.value)
    return error.value.reason


def test_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.svs") == strings.NO_SUCH_FILE


def test_folder(tmp_path: Path) -> None:
    assert refused(tmp_path) == strings.FOLDER


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.svs"
    path.touch()
    assert refused(path) == strings.EMPTY


def test_circle_of_links(tmp_path: Path) -> None:
    path = tmp_path / "loop.svs"
    path.symlink_to(path)
    assert refused(path) == strings.UNREADABLE.format(error="Too many levels of symbolic links")


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.svs"
    os.mkfifo(path)
    assert refused(path) == strings.NOT_REGULAR


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.svs"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything
        denied = PermissionError(13, "denied")
        monkeypatch.setattr("viewer.slide.byte_source.FileBytes", Mock(side_effect=denied))
    assert refused(path) == strings.NO_PERMISSION


def test_name_that_no_file_can_have() -> None:
    with pytest.raises(SlideError, match=pattern(strings.UNREADABLE)):
        open_slide("a\0b.svs")


def test_text_names_every_reader_and_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "text.svs"
    path.write_text("this is no slide")
    reason = refused(path)
    as_tiff = formats.ATTEMPT.format(attempt=formats.AS_TIFF, reason=NOT_TIFF)
    assert reason.startswith(formats.CANNOT_OPEN.partition("{")[0] + as_tiff)
    for attempt in (formats.WITH_OPENSLIDE, formats.AS_IMAGE):
        assert formats.ATTEMPT.format(attempt=f"; {attempt}", reason="") in reason


def test_name_may_hold_any_character(aperio_slide: Callable[..., Path]) -> None:
    with_spirit = aperio_slide("schräg 😐 %20.svs")
    source = open_slide(str(with_spirit))
    assert source.info.path == with_spirit
    source.close()


def test_tiff_is_known_by_its_content_not_its_name(aperio_slide: Callable[..., Path]) -> None:
    source = open_slide(aperio_slide("slide.jpg"))
    assert source.info.reader == "tiff (direct)"
    source.close()


def test_tiles_too_large_to_read_one_by_one_go_to_openslide(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(
        path,
        np.zeros((2000, 3000, 3), np.uint8),
        tile=(2048, 2048),
        photometric="rgb",
        compression="lzw",
        metadata=None,
    )
    source = open_slide(path)
    assert source.info.reader == "openslide"
    assert CHEAPER_BY_OPENSLIDE.format(side=2048) in source.info.reader_reason
    source.close()


@pytest.mark.parametrize(
    ("name", "is_slide"),
    [
        ("a.svs", True),
        ("A.TIFF", True),
        ("a.ome.tif", True),
        ("a.txt", False),
        (".a.svs", False),
        ("svs", False),
    ],
)
def test_which_names_are_slides(name: str, is_slide: bool) -> None:
    assert is_listed(Path(name)) == is_slide


def open_toy(file: SlideFile) -> ArraySource:
    if file.bytes.read(0, 3) != b"TOY":
        raise NotThisReader(file.path, "it is no toy")
    info = SlideInfo(file.path, "toy", "toy", "It is a toy.", Rect(0, 0, 4, 4), ((4, 4),))
    return ArraySource(info, np.full((4, 4), 7, np.uint8))


@pytest.fixture
def toy_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that brings the format "toy", and another whose format cannot be loaded."""
    toy = SlideFormat("toy", "as a toy", (".toy",), open_toy, only_by_suffix=True)
    monkeypatch.setattr(registry, "plugins", lambda *_: ((toy,), ("doll of dolls could not be loaded",)))


@pytest.mark.usefixtures("toy_installed")
def test_a_format_of_another_package_is_tried_last(tmp_path: Path) -> None:
    path = tmp_path / "a.TOY"
    path.write_bytes(b"TOY")
    source = open_slide(path)
    assert (source.info.format, source.read_tile(TileKey(0, 0, 0))[0, 0, 0]) == ("toy", 7)
    assert ".toy" in slide_suffixes()
    assert is_listed(path)


def test_a_format_of_another_package_that_fails_costs_no_format_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_file: SlideFile) -> ArraySource:
        raise ValueError("a bug of its own")

    formats = (
        SlideFormat("bad", "as a bad one", (), fail),
        SlideFormat("toy", "as a toy", (".toy",), open_toy),
    )
    monkeypatch.setattr(registry, "plugins", lambda *_: (formats, ()))
    path = tmp_path / "a.toy"
    path.write_bytes(b"TOY")
    assert open_slide(path).info.format == "toy"
    path.write_bytes(b"doll")
    assert "as a bad one: ValueError: a bug of its own" in refused(path)


@pytest.mark.usefixtures("toy_installed")
def test_a_refusal_names_formats_of_other_packages_and_those_that_could_not_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "a.toy"
    path.write_bytes(b"doll")
    assert refused(path).endswith("; as a toy: it is no toy; doll of dolls could not be loaded)")
    other = path.rename(tmp_path / "a.svs")
    assert "toy:" not in refused(other), "it is asked for its own suffix only"


def test_other_images_are_asked_only_of_readers_that_open_them(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (30, 20)).save(path)
    open_slide(f"{path}#image=1").close()
    assert refused(f"{path}#image=2").count(formats.ONE_IMAGE) == 3  # DICOM, OpenSlide, images
