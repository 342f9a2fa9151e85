"""Pretraining: what it learns and writes, that a kill costs nothing, and what it refuses."""

from __future__ import annotations

import hashlib
import json
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.messages import pattern
from tests.relevance.pretraining_run import COARSE_UM, TINY, run, small_slides
from tests.relevance.tissue_corpus import add_slide
from viewer.relevance.encoders.hipt_encoder import HiptEncoder
from viewer.relevance.encoders.model_registry import load_model, read_registry, registry_file
from viewer.relevance.training import cutting
from viewer.relevance.training import strings as training_strings
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.pretraining import strings
from viewer.relevance.training.pretraining.page import as_markdown, models_entry
from viewer.relevance.training.pretraining.pretrain import PAGE, RECORD, STATES, WEIGHTS
from viewer.relevance.training.pretraining.recipe import RECIPES
from viewer.slide.region import read_region
from viewer.slide.source import TileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

STEPS = 4
Trained = tuple["list[Path]", "Path", "dict[str, Any]"]


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "small", TINY)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Slides, the folder of a pretraining of both levels on them, and its record."""
    slides, folder = small_slides(tmp_path_factory.mktemp("slides")), tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECIPES, "small", TINY)
        record = run(slides, folder, mpp_um=COARSE_UM, steps=STEPS)
    return slides, folder, record


class Killed(Exception):
    """Stands for the end of a process."""


def killed_after(steps: int) -> Callable[[float, float], None]:
    """A progress that ends the process after so many steps, counted over both levels."""
    count = 0

    def progress(_done: float, total: float) -> None:
        nonlocal count
        count += total == STEPS
        if count == steps:
            raise Killed

    return progress


def test_weights_record_and_page_are_written(trained: Trained) -> None:
    _, folder, record = trained

    assert json.loads((folder / RECORD).read_text()) == json.loads(json.dumps(record))
    assert (folder / PAGE).read_text() == as_markdown(record, folder)
    for stage, name in WEIGHTS.items():
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        assert digest == record["stages"][stage]["weights_sha256"]
        assert not (folder / STATES[stage]).exists()
        assert sum(one["items"] for one in record["stages"][stage]["slides"]) >= 4
    assert record["stages"]["patches"]["neighbours"] is None


def test_the_attention_panel_offers_the_result(trained: Trained) -> None:
    _, folder, record = trained
    _, _, lines = models_entry(record, folder).partition("```toml\n")
    registry_file().parent.mkdir(parents=True, exist_ok=True)
    registry_file().write_text(lines.removesuffix("```"), encoding="utf-8")

    assert read_registry().problems == ()
    assert tomllib.loads(registry_file().read_text())["pretrained"]["heads"] == [1, 6]
    encoder = load_model("pretrained")
    assert isinstance(encoder, HiptEncoder)
    assert encoder.levels == ("patch", "token")
    features, tokens = encoder.attend(np.full((256, 512, 3), 200, np.uint8), {})
    assert features.shape == (1, 2, 64)
    assert tokens.shape[:3] == (1, 2, 1)
    region = np.broadcast_to(features[:, :1], (1, 16, 16, 64)).copy()
    patches, _ = encoder.attend_regions(region, np.ones((1, 16, 16), bool))
    assert patches.shape == (1, 6, 16, 16)
    assert np.isfinite(patches).all()


def test_a_killed_pretraining_goes_on_to_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    slides, _, record = trained

    for steps in (1, 2, STEPS):
        with pytest.raises(Killed):
            run(slides, tmp_path, mpp_um=COARSE_UM, steps=STEPS, progress=killed_after(steps))
    (tmp_path / WEIGHTS["patches"]).write_bytes(b"written, but not yet recorded")
    resumed = run(slides, tmp_path, mpp_um=COARSE_UM, steps=STEPS)

    assert json.dumps(resumed) == json.dumps(record)
    for stage, name in WEIGHTS.items():
        digest = hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
        assert digest == record["stages"][stage]["weights_sha256"]


def test_what_is_finished_is_not_done_again(trained: Trained) -> None:
    slides, folder, record = trained

    again = run(slides, folder, mpp_um=COARSE_UM, steps=STEPS, progress=killed_after(1))

    assert json.dumps(again) == json.dumps(record)


def test_the_loss_falls_and_neighbours_name_planted_tissues(tmp_path: Path) -> None:
    slides = small_slides(tmp_path)
    said: list[str] = []

    record = run(slides, tmp_path / "out", steps=40, stages=("patches",), corpus=tmp_path, report=said.append)

    facts = record["stages"]["patches"]
    assert facts["reports"][-1]["loss"] < facts["reports"][0]["loss"] - 0.2
    assert facts["reports"][-1]["named_right"] > 0.7  # of two classes
    asked = facts["neighbours"]
    assert (asked["classes"], asked["cases"], asked["slides"], asked["slides_trained_on"]) == (2, 2, 2, 2)
    assert asked["measured"] > 0.7
    assert len(said) == 11
    assert str(asked["asked"]) in (tmp_path / "out" / PAGE).read_text()


def test_regions_are_asked_where_their_slides_are_labelled(tmp_path: Path) -> None:
    slides = small_slides(tmp_path)
    for path in (tmp_path / "regions").iterdir():
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "mpp_um": COARSE_UM}))

    record = run(slides, tmp_path / "out", mpp_um=COARSE_UM, steps=2, corpus=tmp_path)

    asked = record["stages"]["regions"]["neighbours"]
    assert (asked["classes"], asked["cases"]) == (2, 2)
    assert record["stages"]["regions"]["reports"][-1]["named_right"] is not None


def test_slides_that_cannot_be_used_are_named_each_in_a_line(trained: Trained, tmp_path: Path) -> None:
    slides, *_ = trained
    glass, copy, text = tmp_path / "glass.png", tmp_path / "copy.png", tmp_path / "text.png"
    Image.new("RGB", (600, 600), (240, 240, 240)).save(glass)
    copy.write_bytes(slides[0].read_bytes())
    text.write_text("no picture")
    notes: list[str] = []

    run(
        [*slides, glass, copy, text],
        tmp_path / "out",
        mpp_um=COARSE_UM,
        steps=1,
        stages=("patches",),
        note=notes.append,
    )

    assert strings.SAME_SLIDE.format(path=copy, other=slides[0]) in notes
    assert strings.NO_TISSUE.format(path=glass) in notes
    assert [str(text) in one for one in notes].count(True) == 1
    assert len(notes) == 3
    assert all("\n" not in one for one in notes)


def test_what_cannot_be_read_is_left_out_and_counted(
    trained: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slides, folder, record = trained
    (tmp_path / WEIGHTS["patches"]).write_bytes((folder / WEIGHTS["patches"]).read_bytes())
    calls = 0

    def read(*given: Any) -> NDArray[np.uint8]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise TileError("a damaged tile")
        return read_region(*given)

    monkeypatch.setattr(cutting, "read_region", read)
    notes: list[str] = []
    fewer = run(slides, tmp_path, mpp_um=COARSE_UM, steps=1, stages=("regions",), note=notes.append)

    assert notes == [strings.UNREADABLE["regions"].format(path=slides[0], count=1)]
    items = [sum(one["items"] for one in facts["stages"]["regions"]["slides"]) for facts in (record, fewer)]
    assert items[0] == items[1] + 1


def test_slides_smaller_than_a_region_train_patches_alone(trained: Trained, tmp_path: Path) -> None:
    slides, *_ = trained
    notes: list[str] = []

    with pytest.raises(TrainingError, match=pattern(strings.TOO_FEW["regions"], count=0, least=2)):
        run(slides, tmp_path, steps=1, note=notes.append)
    assert notes == [strings.TOO_SMALL["regions"].format(path=path) for path in slides]
    assert (tmp_path / WEIGHTS["patches"]).exists()
    with pytest.raises(TrainingError, match=pattern(strings.TOO_FEW["patches"], count=0, least=2)):
        run(slides, tmp_path / "b", mpp_um=0.1, steps=1, note=notes.append)
    assert notes[-1] == strings.TOO_SMALL["patches"].format(path=slides[-1])


def test_regions_need_patches(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / WEIGHTS["patches"]

    with pytest.raises(TrainingError, match=pattern(strings.NO_PATCH_LEVEL, path=file)):
        run(trained[0], tmp_path, steps=1, stages=("regions",))


def test_the_folder_of_another_pretraining_is_refused(trained: Trained, tmp_path: Path) -> None:
    slides, folder, _ = trained

    with pytest.raises(TrainingError, match=pattern(strings.OTHER_RUN, path=folder / WEIGHTS["patches"])):
        run(slides, folder, mpp_um=COARSE_UM, steps=STEPS, seed=1)
    (tmp_path / WEIGHTS["patches"]).write_bytes(b"of another program")
    with pytest.raises(TrainingError, match=pattern(strings.OTHER_RUN, path=tmp_path / WEIGHTS["patches"])):
        run(slides, tmp_path, mpp_um=COARSE_UM, steps=STEPS)


def test_the_state_of_another_pretraining_or_a_damaged_one_is_refused(
    trained: Trained, tmp_path: Path
) -> None:
    slides, state = trained[0], tmp_path / STATES["patches"]
    with pytest.raises(Killed):
        run(slides, tmp_path, mpp_um=COARSE_UM, steps=STEPS, progress=killed_after(1))

    with pytest.raises(TrainingError, match=pattern(strings.OTHER_RUN, path=state)):
        run(slides, tmp_path, mpp_um=COARSE_UM, steps=STEPS, learning_rate=1e-3)
    content = torch.load(state, weights_only=True)
    torch.save({**content, "student": {}}, state)
    for damage in (state.read_bytes(), b"", b"PK\x03\x04 cut short", b"\x80\x04N."):
        state.write_bytes(damage)
        with pytest.raises(TrainingError, match=pattern(training_strings.NOT_A_STATE, path=state)):
            run(slides, tmp_path, mpp_um=COARSE_UM, steps=STEPS)


@pytest.mark.parametrize(
    "damage", ["", "[]", "{}", '{"stages": {"patches": {}}}', '{"format": 9, "stages": {}}']
)
def test_a_damaged_record_is_named(trained: Trained, tmp_path: Path, damage: str) -> None:
    (tmp_path / RECORD).write_text(damage)

    with pytest.raises(TrainingError, match=f"{RECORD}: not a record"):
        run(trained[0], tmp_path, mpp_um=COARSE_UM, steps=STEPS)


def test_a_training_that_diverges_is_named(trained: Trained, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="diverged at step"):
        run(trained[0], tmp_path, mpp_um=COARSE_UM, steps=STEPS, learning_rate=1e35)


def test_where_nothing_is_labelled_neighbours_are_not_asked(trained: Trained, tmp_path: Path) -> None:
    add_slide(tmp_path, "alone")
    add_slide(tmp_path, "lost").with_name("lost.geojson")
    (tmp_path / "slides" / "lost.png").write_text("no picture")
    notes: list[str] = []

    record = run(trained[0], tmp_path / "out", mpp_um=COARSE_UM, steps=1, corpus=tmp_path, note=notes.append)

    assert [strings.NOTHING_LABELLED[stage] in notes for stage in WEIGHTS] == [True, True]
    assert sum("lost.png" in one for one in notes) == 1
    assert [one["neighbours"] for one in record["stages"].values()] == [None, None]
