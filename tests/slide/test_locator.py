"""What is a path, what is a URL, and that neither loses a byte of a name."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from viewer.slide.locator import Locator


@pytest.mark.parametrize(
    "path",
    [
        "slide.svs",
        "../a/./slide.svs",
        "~/slide.svs",
        "/a/schräg 😐 %20#1?.svs",
        "C:/slides/a.svs",
        r"C:\slides\a.svs",
        r"\\host\share\a.svs",
        "HE: 12.svs",
        "file:slide.svs",
        "file",
        "",
        os.fsdecode(b"/a/\xe9\xff.svs"),
    ],
)
def test_a_path_stays_as_it_is(path: str) -> None:
    for where in (path, Path(path)):
        locator = Locator.parse(where)
        assert locator.is_local
        assert locator.path == Path(path)
        assert str(locator) == str(Path(path))


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("file:///a/b.svs", "/a/b.svs"),
        ("file:/a/b.svs", "/a/b.svs"),
        ("FILE://localhost/a/b.svs", "/a/b.svs"),
        ("file:///a/100%25%20sure%3f.svs", "/a/100% sure?.svs"),
        ("file:///a/%E9%ff.svs", os.fsdecode(b"/a/\xe9\xff.svs")),
        ("file:///a/ä#1?.svs", "/a/ä#1?.svs"),
        ("file://host/share/a.svs", "//host/share/a.svs"),
    ],
)
def test_a_file_url_is_its_path(url: str, path: str) -> None:
    assert Locator.parse(url) == Locator.parse(Path(path))


@pytest.mark.parametrize("name", ["a b.svs", "ü%.svs", os.fsdecode(b"\xe9.svs")])
def test_what_the_system_calls_a_path_is_read_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    assert Locator.parse(path.as_uri()).path == path


def test_a_drive_of_windows_in_a_file_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer.slide.locator._IS_WINDOWS", True)
    assert Locator.parse("file:///C:/slides/a%20b.svs").path == Path("C:/slides/a b.svs")
    assert Locator.parse("file://host/share/a.svs").path == Path("//host/share/a.svs")


def test_a_path_that_looks_like_a_url_is_a_path() -> None:
    assert Locator.parse(Path("https://host/a.svs")).is_local


@pytest.mark.parametrize(
    ("url", "scheme", "name"),
    [
        ("https://host/a/b%20c.svs", "https", "b c.svs"),
        ("S3://bucket/a.svs", "s3", "a.svs"),
        ("x-y+z.1://host", "x-y+z.1", ""),
    ],
)
def test_other_urls_keep_their_scheme_and_every_letter(url: str, scheme: str, name: str) -> None:
    locator = Locator.parse(url)
    assert (locator.scheme, locator.is_local, locator.name, str(locator)) == (scheme, False, name, url)
    assert locator.absolute() == locator
    assert Locator.parse(locator) is locator


def test_absolute_is_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Locator.parse("a.svs").absolute().path == tmp_path / "a.svs"


@pytest.mark.parametrize(
    ("text", "path", "image"),
    [
        ("a.ome.tif#image=2", "a.ome.tif", 2),
        ("a#b.tif#image=12", "a#b.tif", 12),
        ("file:///a%20b.tif#image=3", "/a b.tif", 3),
        ("a.tif#image=0", "a.tif#image=0", None),
        ("a.tif#image=x", "a.tif#image=x", None),
        ("a.tif#image=99999999999", "a.tif#image=99999999999", None),
        ("#image=2", "#image=2", None),
    ],
)
def test_an_image_of_a_file_is_named_at_the_end(text: str, path: str, image: int | None) -> None:
    locator = Locator.parse(text)
    assert (locator.path, locator.image) == (Path(path), image)
    assert Locator.parse(str(locator)) == locator
    assert locator.absolute().image == image


def test_an_image_of_a_url_keeps_the_url() -> None:
    locator = Locator.parse("https://host/a%20b.tif#image=2")
    assert (locator.url, locator.name, locator.image) == ("https://host/a%20b.tif", "a b.tif#image=2", 2)
    assert str(locator) == "https://host/a%20b.tif#image=2"


def test_a_path_names_no_image() -> None:
    assert Locator.parse(Path("a.tif#image=2")) == Locator("file", Path("a.tif#image=2"))
