"""The command line: which command runs, exit statuses, one-line errors, and what ``info`` prints."""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import closing, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from gpu.errors import GpuError
from tests.messages import pattern
from viewer.cli import arguments, strings
from viewer.cli import main as cli
from viewer.common import strings as common_strings
from viewer.common.atomic_write import SaveError
from viewer.common.paths import state_dir
from viewer.render.strings import SCALE_BY_ESTIMATE
from viewer.slide import strings as slide_strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.given_scale import GivenScale, keep_scales
from viewer.slide.identity import slide_identity
from viewer.slide.locator import Locator
from viewer.slide.source import SlideError

ROOT = Path(__file__).parents[2]


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
    def open_slide(_locator: Locator) -> object:
        raise error

    return open_slide


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
        (["snapshot", "--rotate", "-1e3"], ["snapshot", "--rotate=-1e3"]),
        (["snapshot", "--center", "-o", "x"], ["snapshot", "--center", "-o", "x"]),
        (["snapshot", "--", "--center", "-5"], ["snapshot", "--", "--center", "-5"]),
    ],
)
def test_open_is_the_default_command(
    words: list[str], completed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def parse(_parser: argparse.ArgumentParser, passed: list[str]) -> None:
        assert passed == completed
        sys.exit("parsed")

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse)
    with pytest.raises(SystemExit, match="parsed"):
        cli.main(words)


def test_bare_paths_and_urls_open_the_window(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Locator] = []
    window = SimpleNamespace(run=lambda paths: opened.extend(paths) or 0)
    monkeypatch.setitem(sys.modules, "viewer.ui.shell.app", window)
    places = ["a.svs", "some folder", "file:///a%20b.svs", "s3://bucket/a.svs"]
    assert cli.main(places) == 0
    assert opened == [Locator.parse(place) for place in places]


@pytest.mark.parametrize(
    "words",
    [*([command] for command in cli.COMMANDS), ["bench", "navigate"], ["bench", "decode"], []],
    ids=" ".join,
)
def test_help_states_research_use_only(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*words, "--help"])
    assert ended.value.code == 0
    assert "Research use only" in capsys.readouterr().out


def test_help_loads_no_library() -> None:
    """What makes a start slow must be imported by the command that needs it."""
    code = (
        "import sys\nfrom viewer.cli.main import main\n"
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
        (["snapshot", "a", "--center", "1"], f"argument --center: {strings.NOT_A_POINT.format(text='1')}"),
        (["snapshot", "a", "--size", "10x"], f"argument --size: {strings.NOT_A_NUMBER.format(text='')}"),
        (
            ["snapshot", "a", "--downsample", "0"],
            f"argument --downsample: {strings.NOT_POSITIVE.format(text='0')}",
        ),
        (["snapshot", "a", "-o", "x.jpg"], strings.WRONG_SUFFIX.format(text="x.jpg", suffix=".png")),
        (["snapshot", "a", "--size", "1024"], f"argument --size: {strings.NOT_A_SIZE.format(text='1024')}"),
        (["phantom", "a", "--size", "1.5"], f"argument --size: {strings.NOT_WHOLE.format(text='1.5')}"),
        (["info", "a", "--jsno"], "unrecognized arguments: --jsno"),
        (["info", "a", "--js"], "unrecognized arguments: --js"),
        (["info", ""], f"argument SLIDE: {strings.EMPTY_FILE_NAME}"),
        (["info", "a", "b\x1b[2J"], r"unrecognized arguments: b\x1b[2J"),
        (["phantom", "a", "--size", "300", "--seed", "-1"], strings.NOT_A_SEED.format(text="-1")),
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
            SaveError(Path("b.png"), common_strings.DISK_FULL),
            f"foveola: b.png: {common_strings.DISK_FULL}\n",
        ),
        (PermissionError(13, "Permission denied", "c.svs"), "foveola: c.svs: Permission denied\n"),
        (OSError(5, "Input/output error", "a\x1b.svs"), "foveola: a\\x1b.svs: Input/output error\n"),
        (MemoryError(), f"foveola: {common_strings.NOT_ENOUGH_MEMORY}\n"),
        (MemoryError("9 GiB"), f"foveola: {common_strings.NOT_ENOUGH_MEMORY_FOR.format(need='9 GiB')}\n"),
        (
            ZeroDivisionError("x"),
            f"foveola: {common_strings.DEFECT.format(kind='ZeroDivisionError', error='x')}\n",
        ),
        (GpuError("no OpenGL 3.3"), "foveola: no OpenGL 3.3\n"),
        (KeyboardInterrupt(), f"foveola: {strings.INTERRUPTED}\n"),
    ],
)
def test_failures_are_one_line_and_status_1(
    error: BaseException, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("viewer.slide.formats.registry.open_slide", raising(error))
    assert cli.main(["info", "a.svs"]) == 1
    assert capsys.readouterr().err == line


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("viewer.slide.formats.registry.open_slide", raising(SlideError("a.svs", "broken")))
    assert cli.main(["--debug", "info", "a.svs"]) == 1
    assert cli.main(["info", "a.svs", "--debug"]) == 1
    assert capsys.readouterr().err.count("Traceback") == 2


def test_info_as_json(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(slide), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["width"], facts["height"]) == (500, 300)
    assert facts["levels"] == [{"width": 500, "height": 300, "downsample": 1.0, "in_file": True}]
    assert facts["mpp_um"] is None
    assert facts["objective_power"] is None
    assert facts["associated_images"] == []
    assert facts["format"]
    assert ": " in facts["reader"]


def test_info_as_text(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(slide)]) == 0
    text = capsys.readouterr().out
    assert "500 × 300 px" in text
    assert slide_strings.NOT_STATED in text


def test_info_of_a_file_url(slide: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--json", slide.as_uri()]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == str(slide)


def test_info_of_an_address_that_nothing_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "s3://bucket/a.svs"]) == 1
    reason = slide_strings.UNKNOWN_SCHEME.format(scheme="s3")
    assert capsys.readouterr().err == f"foveola: s3://bucket/a.svs: {reason}\n"


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_output_to_a_full_disk_is_a_failure(slide: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = foveola("info", slide, stdout=full)
    assert done.returncode == 1
    assert done.stderr == (f"foveola: {strings.OUTPUT_FAILED.format(error='No space left on device')}\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX")
def test_closed_output_is_no_error(slide: Path) -> None:
    words = ["sh", "-c", 'exec "$0" -m viewer info "$1" >&-', sys.executable, slide]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_no_debris(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The signal comes in the middle of writing; what has been written is taken away."""

    def progress_bar(_label: str) -> Any:
        def interrupt(_done: float, _total: float) -> None:
            assert list(tmp_path.iterdir())
            os.kill(os.getpid(), number)

        return nullcontext(interrupt)

    monkeypatch.setattr("viewer.common.progress.progress_bar", progress_bar)
    usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(number, usual)  # a shell starts what runs beside it with SIGINT ignored
    try:
        assert cli.main(["phantom", str(tmp_path / "slide.tif"), "--size", "1500"]) == 1
        assert capsys.readouterr().err == f"foveola: {strings.INTERRUPTED}\n"
        assert list(tmp_path.iterdir()) == []
        assert signal.getsignal(number) == usual
    finally:
        signal.signal(number, before)


def test_a_phantom_out_of_range_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["phantom", str(tmp_path / "a.tif"), "--size", "255"]) == 2
    message = strings.PHANTOM_SIZE.format(least=256, most=400_000, size=255)
    assert capsys.readouterr().err == f"foveola: {message}\n"


@pytest.mark.parametrize(
    ("size", "focus", "message"),
    [
        (16384, "79", strings.PHANTOM_FOCUS.format(size=16384, least=80, most=256, focus=79)),
        (16384, "257", strings.PHANTOM_FOCUS.format(size=16384, least=80, most=256, focus=257)),
        (1024, "80", strings.PHANTOM_WITHOUT_FOCUS.format(size=1024)),
    ],
)
def test_a_focus_that_the_phantom_cannot_have_is_wrong_usage(
    size: int, focus: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["phantom", str(tmp_path / "a.tif"), "--size", str(size), "--focus", focus]) == 2
    assert capsys.readouterr().err == f"foveola: {message}\n"


def snapshot(slide: Path, output: Path, size: str = "100x80") -> int:
    place = ["--center", "128,128", "--downsample", "1"]
    return cli.main(["snapshot", str(slide), *place, "--size", size, "-o", str(output)])


@pytest.mark.gl
def test_a_snapshot_carries_research_use_only(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "view.png"
    assert snapshot(slide, output) == 0
    assert capsys.readouterr().err == ""
    with Image.open(output) as image:
        assert image.size == (100, 80)
        assert image.text["Comment"] == "Research use only"
        assert "Warning" not in image.text


@pytest.mark.gl
def test_a_snapshot_has_the_scale_that_a_reader_gave_and_any_name(slide: Path, tmp_path: Path) -> None:
    named = slide.with_name("a\nb\udcff.svs")
    slide.rename(named)
    with closing(open_slide(named)) as source:
        given = GivenScale((0.5, 0.5), "2026-11-30", estimated=True, overrides=True)
        keep_scales({slide_identity(source): given})
    assert snapshot(named, tmp_path / "view.png") == 0
    with Image.open(tmp_path / "view.png") as image:
        assert image.text["Scale"] == SCALE_BY_ESTIMATE.format(um_per_px=0.5)
        assert image.text["Source"] == "a\\nb\\udcff.svs"


@pytest.mark.gl
def test_a_snapshot_reports_which_tiles_failed(
    slide: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tiles 2 and 4 of four lie behind the end of the file; of a hundred, too, the first is enough."""
    with tifffile.TiffFile(slide) as tiff:
        offsets = tiff.pages[0].tags["TileOffsets"]
        damaged = [*offsets.value]
    damaged[1] = damaged[3] = slide.stat().st_size
    with slide.open("r+b") as file:
        file.seek(offsets.valueoffset)
        file.write(np.array(damaged, "<u4").tobytes())
    output = tmp_path / "view.png"
    assert snapshot(slide, output, "600x400") == 0
    line = capsys.readouterr().err
    warning = strings.TILES_FAILED.format(count=2)
    first = "a slide.tif: tile column 1, row 0"
    assert re.search(pattern(strings.FIRST_FAILURE, path=output, warning=warning) + f".*{first}", line)
    assert line.count("\n") == 1
    with Image.open(output) as image:
        assert image.text["Warning"] == warning


@pytest.mark.gl
def test_a_big_snapshot_shows_its_progress(
    slide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[float] = []
    monkeypatch.setattr(
        "viewer.common.progress.progress_bar",
        lambda _label: nullcontext(lambda done, total: steps.append(done / total)),
    )
    assert snapshot(slide, tmp_path / "small.png") == 0
    assert steps == []
    assert snapshot(slide, tmp_path / "big.png", "2100x2000") == 0
    assert steps == [0.5, 1.0]


def test_a_snapshot_never_replaces_the_slide(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slide = tmp_path / "slide.png"
    Image.new("RGB", (300, 200)).save(slide)
    before = slide.read_bytes()
    (tmp_path / "link.png").symlink_to(slide)
    for name in ("slide.png", "link.png"):
        assert snapshot(slide, tmp_path / name) == 2
        refused = strings.OVERWRITES_INPUT.format(path=tmp_path / name, input=strings.THE_SLIDE)
        assert refused in capsys.readouterr().err
    assert slide.read_bytes() == before


def test_names_the_terminal_cannot_show_do_not_end_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.BytesIO()
    stderr = io.TextIOWrapper(shown, encoding="ascii")
    monkeypatch.setattr(sys, "stderr", stderr)
    assert cli.main(["info", "sl\udcffide µ.svs"]) == 1
    stderr.flush()
    assert rb"foveola: sl\udcffide \xb5.svs: " in shown.getvalue()


def test_figures_as_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    figures: dict[str, Any] = {"jump_ms": {"median": 12.3456, "p95": 40.0}, "frames_with_holes": 0}
    monkeypatch.setattr("viewer.bench.decode.bench_decode", lambda _path: figures)
    assert cli.main(["bench", "decode", "a.svs"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["jump_ms", "median", "12.35", "p95", "40"]
    assert second.split() == ["frames_with_holes", "0"]
    figures = {"tiles_per_s": {"codec": None}}
    assert cli.main(["bench", "decode", "a.svs"]) == 0
    assert capsys.readouterr().out == f"tiles_per_s          codec {strings.NOT_MEASURED}\n"


def test_sizes_and_points() -> None:
    assert arguments.size("640x480") == (640, 480)
    assert arguments.point("-1.5,2e3") == (-1.5, 2000.0)
    assert arguments.png_path("a.PNG") == Path("a.PNG")
    assert arguments.geojson_path("a.JSON") == Path("a.JSON")
    assert arguments.scores_path("a.hdf5") == Path("a.hdf5")
    assert arguments.seed("18446744073709551616") == 2**64
    for text in ("nan", "inf", "1e300", "one"):
        with pytest.raises(argparse.ArgumentTypeError):
            arguments.number(text)


def test_info_says_where_kept_pixel_sizes_are_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (300, 300)).save(tmp_path / "a.png")
    state_dir().mkdir(parents=True, exist_ok=True)
    (state_dir() / "pixel_sizes.json").write_text("{")
    assert cli.main(["info", str(tmp_path / "a.png")]) == 0
    printed = capsys.readouterr()
    assert re.search(pattern(slide_strings.SCALES_DAMAGED), printed.err)
    assert slide_strings.NOT_STATED in printed.out
