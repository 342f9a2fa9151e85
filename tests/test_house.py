"""Rules of the house that no other tool checks: sizes, first words, rooms, what ships, who is thanked."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from importlib import resources
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]
CODE = sorted(
    p for top in ("viewer", "gpu", "shaders", "resources", "tests") for p in (ROOT / top).rglob("*.py")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = sorted({path.parent for path in CODE if "tests" not in path.parts})
CONTRACTS = PROJECT["tool"]["importlinter"]
COVERAGE_FLOORS = PROJECT["tool"]["coverage-floors"]
MAX_LINES = 450
MAX_FILES = 20  # a folder, beside its __init__
MAX_DOCSTRING_LINES = 12  # 8 as a rule; a module that owns an enum explains it there


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", CODE, ids=name)
def test_files_are_small_and_say_what_they_are_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES, "does this file still have one responsibility?"
    words = ast.get_docstring(ast.parse(text))
    assert words, "the first words of a file say what it is responsible for"
    assert len(words.splitlines()) <= MAX_DOCSTRING_LINES


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_folders_are_packages_of_few_files(folder: Path) -> None:
    files = {path.name for path in folder.glob("*.py")}
    assert "__init__.py" in files, "its docstring says what the folder is responsible for"
    assert len(files) - 1 <= MAX_FILES, "is this still one room?"


def test_no_file_imports_itself_in_a_circle() -> None:
    graph = grimp.build_graph(*CONTRACTS["root_packages"], exclude_type_checking_imports=True, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(imports).prepare()  # a CycleError names the circle


def test_every_room_has_its_place_in_the_layers() -> None:
    rooms = {".".join(folder.relative_to(ROOT).parts) for folder in FOLDERS}
    floors = {"viewer", "viewer.relevance"}
    on_a_floor = {room for room in rooms - floors if room.rpartition(".")[0] in floors}
    (layers,) = (c["layers"] for c in CONTRACTS["contracts"] if c["name"] == "Rooms import downwards")
    assert on_a_floor - set(layers) == set()


@pytest.mark.gui
def test_the_window_does_without_torch() -> None:
    code = "import sys, viewer.ui.shell.main_window; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


@pytest.mark.parametrize("room", COVERAGE_FLOORS)
def test_floors_of_coverage_are_for_rooms_that_exist(room: str) -> None:
    assert ROOT / room in FOLDERS


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
