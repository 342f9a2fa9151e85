"""Rules of the house that no other tool checks: sizes, first words, what ships, who is thanked."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CODE = sorted(
    p for top in ("viewer", "gpu", "shaders", "resources", "tests") for p in (ROOT / top).rglob("*.py")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PERFECT = PROJECT["tool"]["coverage"]["run"]["include"]
MAX_LINES = 450
MAX_DOCSTRING_LINES = 12  # 8 as a rule; a module that owns an enum explains it there


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CODE, ids=name)
def test_files_are_small_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES, "does this file still have one responsibility?"
    words = ast.get_docstring(ast.parse(text))
    if path.name == "__init__.py" and not text:
        return
    assert words, "the first words of a file say what it is responsible for"
    assert len(words.splitlines()) <= MAX_DOCSTRING_LINES


@pytest.mark.parametrize("path", PERFECT)
def test_perfect_files_exist_and_are_measured(path: str) -> None:
    """Coverage does not report a file that nobody imports; imported here, an untested one shows up."""
    assert (ROOT / path).is_file()
    importlib.import_module(path.removesuffix(".py").replace("/", "."))


@pytest.mark.parametrize("requirement", PROJECT["project"]["dependencies"])
def test_every_dependency_is_in_the_notices(requirement: str) -> None:
    package = re.split(r"[<>=]", requirement)[0].replace("-Essentials", "").replace("-python", " Python")
    notices = (ROOT / "resources" / "third_party_notices.md").read_text(encoding="utf-8")
    assert f"[{package.lower()}]" in notices.lower()


def test_data_ships_with_the_packages() -> None:
    assert resources.files("resources").joinpath("default_settings.toml").is_file()
    assert any(
        entry.name.endswith((".glsl", ".vert", ".frag")) for entry in resources.files("shaders").iterdir()
    )


def test_top_level_is_the_fixed_one() -> None:
    allowed = {"pyproject.toml", "viewer", "shaders", "gpu", "tests", "resources", "README.md", "LICENSE"}
    allowed |= {"CHANGELOG.md", "CONTRIBUTING.md", "Makefile", "build", "dist", "foveola.egg-info"}
    present = {entry.name for entry in ROOT.iterdir() if not entry.name.startswith(".")}
    assert present - allowed - {"__pycache__"} == set()
