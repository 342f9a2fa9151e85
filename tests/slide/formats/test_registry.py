"""Which reader takes a file, and what is said where none does."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from viewer.slide.formats.registry import open_slide
from viewer.slide.source import SlideError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def refused(path: Path | str) -> str:
    with pytest.raises(SlideError) as error:
        open_slide(path)
    assert str(path) in str(error.value)
    return error.value.reason


def test_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.svs") == "there is no such file"


def test_folder(tmp_path: Path) -> None:
    assert refused(tmp_path) == "this is a folder; choose a slide file inside it"


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.svs"
    path.touch()
    assert refused(path) == "the file is empty"


def test_circle_of_links(tmp_path: Path) -> None:
    path = tmp_path / "loop.svs"
    path.symlink_to(path)
    assert refused(path) == "it cannot be read: Too many levels of symbolic links"


def test_pipe_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "pipe.svs"
    os.mkfifo(path)
    assert refused(path) == "this is not a regular file"


def test_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret.svs"
    path.write_bytes(b"x")
    path.chmod(0)
    if os.access(path, os.R_OK):  # root may read everything
        monkeypatch.setattr(
            type(path), "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "denied"))
        )
    assert refused(path) == "you have no permission to read it"


def test_name_that_no_file_can_have() -> None:
    with pytest.raises(SlideError, match="cannot be read"):
        open_slide("a\0b.svs")


def test_text_names_every_reader_and_its_reason(tmp_path: Path) -> None:
    path = tmp_path / "text.svs"
    path.write_text("this is no slide")
    reason = refused(path)
    assert reason.startswith("it cannot be opened (as TIFF: it is not a TIFF; with OpenSlide: ")
    assert "as an image: " in reason


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
    assert "cut more cheaply by OpenSlide" in source.info.reader_reason
    source.close()
