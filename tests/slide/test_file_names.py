"""Which names are those of slides, and their order."""

from __future__ import annotations

from pathlib import Path

import pytest

from viewer.slide.file_names import is_slide_name, natural_key


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
    assert is_slide_name(Path(name)) == is_slide


def test_numbers_sort_as_numbers() -> None:
    paths = [Path(name) for name in ("b.svs", "A10.svs", "a2.svs", "1.svs")]
    assert [path.name for path in sorted(paths, key=natural_key)] == ["1.svs", "a2.svs", "A10.svs", "b.svs"]
