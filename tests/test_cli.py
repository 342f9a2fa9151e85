"""The command line: which command runs, exit statuses, one-line errors, and what ``info`` prints."""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from viewer import arguments, cli
from viewer.saving import SaveError
from viewer.slide.source import SlideError

ROOT = Path(__file__).parents[1]


@pytest.fixture
def slide(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A small tiled TIFF."""
    path = tmp_path / "a slide.tif"
    pixels = rng.integers(0, 255, (300, 500, 3), np.uint8)
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb", compression="deflate")
    return path


def foveola(*words: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "viewer", *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, check=False, timeout=60, **more
    )  # type: ignore[call-overload,no-any-return]


def raising(error: BaseException) -> object:
    def run(_options: argparse.Namespace) -> int:
        raise error

    return run


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ([], ["open"]),
        (["a.svs", "b.svs"], ["open", "a.svs", "b.svs"]),
        (["--debug"], ["--debug", "open"]),
        (["--debug", "a.svs"], ["--debug", "open", "a.svs"]),
        (["--", "-odd.svs"], ["open", "--", "-odd.svs"]),
        (["info", "a.svs"], ["info", "a.svs"]),
        (["open", "info"], ["open", "info"]),
        (["--version"], ["--version"]),
        (["snapshot", "--center", "-5,2", "-o", "x"], ["snapshot", "--center=-5,2", "-o", "x"]),
        (["snapshot", "--center"], ["snapshot", "--center"]),
    ],
)
def test_open_is_the_default_command(words: list[str], completed: list[str]) -> None:
    assert cli._with_command(words) == completed


def test_bare_paths_open_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(cli, "_open", lambda options: opened.extend(options.paths) or 0)
    assert cli.main(["a.svs", "some folder"]) == 0
    assert opened == [Path("a.svs"), Path("some folder")]


@pytest.mark.parametrize(
    "words",
    [*([command] for command in cli.COMMANDS), ["bench", "navigate"], ["bench", "decode"], []],
    ids=" ".join,
)
def test_help_says_research_use_only(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    assert "Research use only" in capsys.readouterr().out


def test_help_loads_no_library() -> None:
    """What makes a start slow must be imported by the command that needs it."""
    code = (
        "import sys\nfrom viewer.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print({'numpy', 'PIL', 'PySide6', 'OpenGL', 'tqdm'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("set()")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["info"], "foveola info: the following arguments are required: SLIDE"),
        (["bench"], "foveola bench: the following arguments are required: WHAT"),
        (["snapshot", "a", "--center", "1"], "argument --center: '1' is not X,Y"),
        (["snapshot", "a", "--size", "10x"], "argument --size: '' is not a number"),
        (["snapshot", "a", "--downsample", "0"], "argument --downsample: 0 is not above 0"),
        (["snapshot", "a", "-o", "x.jpg"], "'x.jpg' does not end in .png"),
        (["snapshot", "a", "--size", "1024"], "argument --size: '1024' is not WIDTHxHEIGHT"),
        (["phantom", "a", "--size", "1.5"], "argument --size: 1.5 is not a whole number"),
        (["info", "a", "--jsno"], "unrecognized arguments: --jsno"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(words)
    text = capsys.readouterr().err
    assert ended.value.code == 2
    assert message in text
    assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (SlideError("a.svs", "the file is\nempty"), "foveola: a.svs: the file is empty\n"),
        (
            SaveError(Path("b.png"), "not saved, the disk is full"),
            "foveola: b.png: not saved, the disk is full\n",
        ),
        (PermissionError(13, "Permission denied", "c.svs"), "foveola: c.svs: Permission denied\n"),
        (ZeroDivisionError("x"), "foveola: ZeroDivisionError: x (--debug shows where)\n"),
        (KeyboardInterrupt(), "foveola: interrupted\n"),
    ],
)
def test_failures_are_one_line_and_status_1(
    error: BaseException, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "_info", raising(error))
    assert cli.main(["info", "a.svs"]) == 1
    assert capsys.readouterr().err == line


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "_info", raising(SlideError("a.svs", "broken")))
    assert cli.main(["--debug", "info", "a.svs"]) == 1
    assert cli.main(["info", "a.svs", "--debug"]) == 1
    assert capsys.readouterr().err.count("Traceback") == 2


def test_info_as_json(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(slide), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["width"], facts["height"]) == (500, 300)
    assert facts["levels"] == [{"width": 500, "height": 300, "downsample": 1.0}]
    assert facts["mpp_um"] is None
    assert facts["objective_power"] is None
    assert facts["associated_images"] == []
    assert facts["format"]
    assert ": " in facts["reader"]


def test_info_as_text(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(slide)]) == 0
    text = capsys.readouterr().out
    assert "500 × 300 px" in text
    assert "not stated in the file" in text


def test_a_missing_slide_in_a_real_process() -> None:
    done = foveola("info", "no such.svs", stdout=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("foveola: no such.svs: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_closed_pipe_ends_quietly(slide: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = foveola("info", slide, stdout=writing)
    finally:
        os.close(writing)
    assert done.returncode == 1
    assert done.stderr == ""


def test_names_the_terminal_cannot_show_do_not_end_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    stderr = io.TextIOWrapper(shown, encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stderr)
    assert cli.main(["info", "sl\udcffide µ.svs"]) == 1
    stderr.flush()
    assert rb"foveola: sl\udcffide \xb5.svs: " in shown.getvalue()


def test_figures_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    cli._print_figures({"jump_ms": {"median": 12.3456, "p95": 40.0}, "frames_with_holes": 0}, as_json=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["jump_ms", "median", "12.35", "p95", "40"]
    assert second.split() == ["frames_with_holes", "0"]


def test_sizes_and_points() -> None:
    assert arguments.size("640x480") == (640, 480)
    assert arguments.point("-1.5,2e3") == (-1.5, 2000.0)
    assert arguments.png_path("a.PNG") == Path("a.PNG")
    for text in ("nan", "inf", "1e300", "one"):
        with pytest.raises(argparse.ArgumentTypeError):
            arguments.number(text)
