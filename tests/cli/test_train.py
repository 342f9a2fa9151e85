"""``foveola train-head``: what it prints and writes, what it refuses, and that a kill costs nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.training_stores import written
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.encoders.head_registry import HeadRegistry, read_heads
from viewer.relevance.training import strings as training_strings

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
CELLS = np.stack([np.repeat(np.arange(4), 5), np.tile(np.arange(5), 4)], 1).astype(np.int32)


@pytest.fixture
def features(tmp_path: Path) -> Path:
    """Twelve slides, of which every second has four patches that differ."""
    for number in range(12):
        values = np.random.default_rng(number).normal(size=(20, 6)).astype(np.float32)
        if number % 2:
            values[:4, 2] += 6
        written(tmp_path / "features", f"s{number}", values, CELLS)
    return tmp_path / "features"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    lines = [f"s{number}.svs,{('no', 'yes')[number % 2]}" for number in range(12)]
    path = tmp_path / "my labels.csv"
    path.write_text("\n".join(["slide,label", *lines, "lost.svs,yes"]))
    return path


def words(features: Path, table: Path, *more: object) -> list[str]:
    return [str(word) for word in ("train-head", features, "--labels", table, "--device", "cpu", *more)]


def test_a_head_is_trained_tested_and_registered(
    features: Path, table: Path, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quick = ("--folds", 3, "--epochs", 30, "--learning-rate", 0.002)
    assert cli.main(words(features, table, *quick)) == 0
    printed = capsys.readouterr()
    assert training_strings.FEATURES_MISSING.format(slides="lost") in printed.err
    assert training_strings.PATIENTS_NOT_STATED in printed.err
    assert not re.search(pattern(training_strings.NOT_BETTER_THAN_CHANCE), printed.err)
    tested = strings.TESTED_LINE.format(slides=training_strings.SLIDES_ONLY.format(slides=12), splits=3)
    assert tested in printed.out
    auc = strings.AUC.format(auc=1, low=1, high=1)
    assert strings.AUC_LINE.format(name="yes", auc=auc) in printed.out
    assert "Research use only." in printed.out
    entry = read_heads().heads["my-labels"]
    folder = own_folders / "state" / "heads" / "my-labels"
    assert entry.file == folder / "head.pt"
    assert entry.classes == ("no", "yes")
    assert json.loads((folder / "head.json").read_text())["options"]["folds"] == 3
    assert (folder / "report.md").read_text().startswith("# my-labels\n")
    assert cli.main(words(features, table, *quick)) == 0
    assert capsys.readouterr().out == printed.out


def test_span_with_a_name_and_a_folder(features: Path, table: Path, tmp_path: Path) -> None:
    more = ("--head", "span", "--folds", 1, "--epochs", 1, "--name", "mine", "-o", tmp_path / "out")
    assert cli.main(words(features, table, *more)) == 0
    assert read_heads().heads["mine"].file == tmp_path / "out" / "head.pt"


def test_a_head_on_another_programs_features_is_not_offered(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their encoder is not here, so that the head cannot be used on any slide."""
    (tmp_path / "theirs").mkdir()
    for number in range(12):
        values = np.random.default_rng(number).normal(size=(20, 6)).astype(np.float32)
        with h5py.File(tmp_path / "theirs" / f"s{number}.h5", "w") as file:
            file["features"] = values
            file["features"].attrs["encoder"] = "conch_v1"
            file["coords"] = CELLS[:, ::-1].astype(np.int64) * 256
            file["coords"].attrs["patch_size_level0"] = 256
    quick = ("--folds", 1, "--epochs", 1, "--name", "external")
    assert cli.main(words(tmp_path / "theirs", table, *quick)) == 0
    printed = capsys.readouterr().out
    nowhere = strings.NOT_REGISTERED.format(encoder="conch_v1")
    assert strings.REGISTERED_LINE.format(registered=nowhere) in printed
    assert read_heads() == HeadRegistry({}, ())


def test_a_head_no_better_than_chance_is_reported(
    features: Path, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Labels by halves, which have nothing to do with what differs."""
    lines = [f"s{number},{('no', 'yes')[number // 6]}" for number in range(12)]
    table.write_text("\n".join(["slide,label", *lines]))
    assert cli.main(words(features, table, "--folds", 3, "--epochs", 2)) == 0
    assert training_strings.NOT_BETTER_THAN_CHANCE.format(classes="yes") in capsys.readouterr().err
    lines = [f"{line},{'test' if number > 9 else 'train'}" for number, line in enumerate(lines)]
    table.write_text("\n".join(["slide,label,split", *lines]))
    assert cli.main(words(features, table, "--name", "own", "--epochs", 2)) == 0
    undefined = strings.AUC_LINE.format(name="yes", auc=strings.AUC_UNDEFINED)
    assert undefined in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--name", "a/b"), "no name for a head"),
        (("--folds", "2"), strings.TWO_FOLDS),
        (("--head", "other"), "invalid choice"),
        (("--device", "cuda"), strings.NO_CUDA),
        (("-o", __file__), strings.NOT_A_FOLDER.format(path=__file__)),
    ],
)
def test_wrong_usage(
    features: Path,
    table: Path,
    more: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    try:
        status = cli.main(words(features, table, *more))
    except SystemExit as end:  # as argparse ends
        status = int(end.code or 0)
    assert status == 2
    assert message in capsys.readouterr().err


def test_what_cannot_be_trained_on_is_one_line(
    features: Path, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words(features, tmp_path / "missing.csv")) == 1
    assert capsys.readouterr().err.count("\n") == 1
    broken = np.full((20, 6), np.nan, np.float32)
    path = written(features, "s0", broken, CELLS)
    assert cli.main(words(features, table)) == 1
    assert (
        f"{path}: {training_strings.INVALID_VALUES.format(invalid=20, total=20)}" in capsys.readouterr().err
    )


def command(*words_: str) -> list[str]:
    return [sys.executable, "-m", "viewer", *words_]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_kill_costs_nothing(features: Path, table: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    calls = {
        name: command(
            *words(features, table, "--folds", "3", "--epochs", "8", "-o", tmp_path / name, "--name", "x")
        )
        for name in ("killed", "whole")
    }
    process = subprocess.Popen(calls["killed"], env=environment, stdout=subprocess.DEVNULL)
    state = tmp_path / "killed" / "training.state"
    while not state.exists() and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert state.exists()
    for call in calls.values():
        subprocess.run(call, env=environment, check=True, stdout=subprocess.DEVNULL)
    for name in ("head.pt", "head.json", "report.md"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


@pytest.mark.slow
def test_a_folder_of_slides_is_analysed_first_and_found_again_under_other_names(
    tmp_path: Path, copy_phantom: Callable[[Path, int], Path]
) -> None:
    (tmp_path / "slides").mkdir()
    for number in range(6):
        slide = copy_phantom(tmp_path / "slides" / f"s{number}.tif", 512)
        with slide.open("ab") as file:
            file.write(bytes([number]))  # another content, so features of its own
    table = tmp_path / "labels.csv"
    rows = "".join(f"s{n},{'ab'[n % 2]}\nnew{n},{'ab'[n % 2]}\n" for n in range(6))
    table.write_text(f"slide,label\n{rows}")
    quick = ("--folds", 1, "--epochs", 1)
    command = [sys.executable, "-m", "viewer", *words(tmp_path / "slides", table, *quick)]
    settings = os.environ | {"FOVEOLA_HOME": str(tmp_path / "home")}

    def trained(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *more], cwd=ROOT, env=settings, capture_output=True, text=True, check=False
        )

    first = trained()
    assert first.returncode == 0, first.stderr
    assert first.stdout.count("analysed ") == 6
    folder = tmp_path / "home" / "cache" / "features"
    assert re.search(pattern(strings.FEATURES_OF_SLIDES, count=6, folder=folder), first.stdout)
    for number in range(6):
        (tmp_path / "slides" / f"s{number}.tif").rename(tmp_path / "slides" / f"new{number}.tif")
    second = trained("--name", "renamed")
    assert second.returncode == 0, second.stderr
    assert second.stdout.count("complete ") == 6
