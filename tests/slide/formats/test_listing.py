"""Files and folders that a user names: which slides are in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from viewer.slide.formats.listing import slides_among
from viewer.slide.locator import Locator


def test_folders_give_their_slides_once_in_the_order_of_names(tmp_path: Path) -> None:
    names = ("b10.svs", "b2.svs", "a.txt", ".hidden.svs", "sub/c.tif", "tree.dzi", "tree_files/9/0_0.jpeg")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.svs").symlink_to(tmp_path / "b2.svs")
    found = slides_among([tmp_path / "sub" / "c.tif", tmp_path, tmp_path / "a.txt"])
    assert [path.name for path in found] == ["c.tif", "b2.svs", "b10.svs", "tree.dzi", "a.txt"]
    assert slides_among([tmp_path / "missing.svs"]) == [tmp_path / "missing.svs"]


def test_folders_that_lead_back_to_themselves_are_listed_once(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.svs").touch()
    (tmp_path / "back").symlink_to(tmp_path)
    (tmp_path / "inner" / "up").symlink_to(tmp_path)
    (tmp_path / "inner" / "self").symlink_to(tmp_path / "inner")
    assert slides_among([tmp_path]) == [tmp_path / "inner" / "a.svs"]


def test_images_of_a_file_are_slides_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "two.ome.tif"
    path.touch()
    second = Locator.parse(f"{path}#image=2")
    assert slides_among([second, tmp_path, second]) == [second, path]


def test_a_folder_that_cannot_be_listed_costs_its_own_slides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/1.svs", "closed/2.svs", "z/3.svs"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    is_file = Path.is_file

    def refused(path: Path) -> bool:
        if path.parent.name == "closed":
            raise PermissionError(13, "no")
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refused)
    left_out: list[tuple[Path, int | None]] = []
    found = slides_among([tmp_path], lambda folder, error: left_out.append((folder, error.errno)))
    assert found == [tmp_path / "a/1.svs", tmp_path / "z/3.svs"]
    assert left_out == [(tmp_path / "closed", 13)]
    with pytest.raises(PermissionError):
        slides_among([tmp_path])
