"""What became of a slide's file while it was open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.ui.shell.slide_opener import FileMark

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_tells_what_became_of_it(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    path.write_bytes(bytes(2000))
    mark = FileMark.of(path)
    assert mark.trouble().startswith("The file is damaged there")
    path.write_bytes(bytes(5))
    assert mark.trouble() == "The file changed while it was open: it has 5 bytes, it had 2,000."
    path.unlink()
    assert mark.trouble() == "The file is gone, or can no longer be reached."


def test_a_file_that_could_not_be_asked_at_first_tells_nothing_of_its_size(tmp_path: Path) -> None:
    path = tmp_path / "slide.svs"
    mark = FileMark.of(path)
    path.write_bytes(bytes(5))
    assert mark.trouble().startswith("The file is damaged there")
