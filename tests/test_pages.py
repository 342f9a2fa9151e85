"""README, guide and the other pages say what is true: commands, keys, links, pictures, targets of make."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from viewer.cli.main import main
from viewer.ui.shell.action_table import ACTIONS
from viewer.ui.shell.guide import read_pages

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "resources" / "guide"
GUIDE_PAGES = sorted(GUIDE.glob("*.md"))
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/bench/README.md")),
    *GUIDE_PAGES,
]
MOST_WORDS = 1300
MOST_CODE_COLUMNS = 92
"""So many fit into the guide's window; code does not wrap."""
MOST_PICTURE_BYTES = 300_000
RESEARCH_USE = "Research use only. Not for use in diagnostic procedures."
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^```.*?^```$|`[^`\n]+`", re.S | re.M)
_COMMAND = re.compile(r"\bfoveola ([a-z][a-z-]+)(?![\w./-])(?: ([a-z]+)\b)?")
_ROW_OF_HELP = re.compile(r"^ {2,8}([a-z][a-z-]*)(?: {2,}|$)", re.M)


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def code_in(path: Path) -> str:
    """What a page sets as code, where commands are named."""
    return "\n".join(_CODE.findall(text_of(path)))


def commands(*group: str) -> set[str]:
    """The commands that ``foveola [GROUP] --help`` lists."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        main([*group, "--help"])
    return set(_ROW_OF_HELP.findall(said.getvalue()))


def commands_in(path: Path) -> list[tuple[str, str]]:
    """(command, next word or "") for each command that a page names; a file's name is no command."""
    return _COMMAND.findall(code_in(path))


@pytest.fixture(autouse=True)
def wide_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def test_the_readme_is_short_and_says_what_it_is_not_for() -> None:
    text = text_of(ROOT / "README.md")
    assert len(text.split()) <= MOST_WORDS
    assert RESEARCH_USE in text
    assert RESEARCH_USE in text_of(GUIDE / "index.md")


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_commands_that_are_named_exist(path: Path) -> None:
    there, kinds = commands(), commands("bench")
    for command, word in commands_in(path):
        assert command in there
        assert command != "bench" or word in {"", *kinds}


def test_every_command_is_in_the_guide() -> None:
    named = commands_in(GUIDE / "command_line.md")
    assert {command for command, _ in named} | {"open"} == commands()
    assert {word for command, word in named if command == "bench"} == commands("bench")
    assert "`foveola [open] [PATH…]`" in text_of(GUIDE / "command_line.md")


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    for link in _LINK.findall(text_of(path)):
        assert link.startswith("https://") or (path.parent / link).is_file(), link


@pytest.mark.parametrize("path", GUIDE_PAGES, ids=name)
def test_the_guide_needs_nothing_but_itself(path: Path) -> None:
    """It is shown where there is no repository, by a browser that knows Markdown alone."""
    for link in _LINK.findall(text_of(path)):
        assert link.startswith("https://") or re.fullmatch(r"[\w-]+\.md|pictures/[\w-]+\.png", link), link
    assert text_of(path).startswith("# ")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text_of(path), re.S | re.M)
    assert all(language != "mermaid" for language, _ in blocks)
    assert all(len(line) <= MOST_CODE_COLUMNS for _, code in blocks for line in code.splitlines())


def test_the_first_page_links_to_every_page() -> None:
    assert sorted(read_pages()) == [path.name for path in GUIDE_PAGES]


def test_pictures_are_small_and_in_use() -> None:
    pictures = sorted((GUIDE / "pictures").iterdir())
    in_use = {GUIDE / link for path in GUIDE_PAGES for link in _LINK.findall(text_of(path)) if ".png" in link}
    assert pictures == sorted(in_use)
    assert all(picture.stat().st_size < MOST_PICTURE_BYTES for picture in pictures)


def test_the_guide_has_the_keys_of_every_action() -> None:
    rows = re.findall(r"^\| (`.+`) \| (.+?) \| (.+) \|$", text_of(GUIDE / "keys.md"), re.M)
    assert rows == [(" ".join(f"`{key}`" for key in spec.keys), spec.name, spec.tooltip) for spec in ACTIONS]


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_targets_of_make_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text_of(ROOT / "Makefile"), re.M))
    assert set(re.findall(r"\bmake ([a-z-]+)", code_in(path))) <= targets


@pytest.mark.parametrize("script", sorted((ROOT / "tests" / "bench").glob("[!_]*.py")), ids=name)
def test_every_benchmark_is_on_the_page(script: Path) -> None:
    page = text_of(ROOT / "tests" / "bench" / "README.md")
    assert script.name in page or script.name.startswith("test_")


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_files_that_are_named_as_code_exist(path: Path) -> None:
    for file in re.findall(r"`((?:viewer|gpu|tests|resources|shaders)/[\w/.-]+)`", text_of(path)):
        assert (ROOT / file).exists(), file
    for script in re.findall(r"\btests/[\w/]+\.py", text_of(path)):
        assert (ROOT / script).is_file(), script
