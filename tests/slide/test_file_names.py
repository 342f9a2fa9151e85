"""The order of names."""

from __future__ import annotations

from pathlib import Path

from viewer.slide.file_names import natural_key


def test_numbers_sort_as_numbers() -> None:
    paths = [Path(name) for name in ("b.svs", "A10.svs", "a2.svs", "1.svs")]
    assert [path.name for path in sorted(paths, key=natural_key)] == ["1.svs", "a2.svs", "A10.svs", "b.svs"]
