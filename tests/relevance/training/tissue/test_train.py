"""Training of the tissue encoder: what it writes, that a kill costs nothing, and what it refuses."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
import torch
from PIL import Image

from tests.messages import pattern
from tests.relevance.tissue_corpus import add_slide, small_corpus
from viewer.relevance.encoders.tissue.card import FACTS, FAILURES, PAGE, WEIGHTS
from viewer.relevance.encoders.tissue.network import Calibration, TissueNetwork
from viewer.relevance.models.checkpoint import CheckpointError, read_tensors
from viewer.relevance.training import strings as training_strings
from viewer.relevance.training.cohort import TrainingError
from viewer.relevance.training.tissue import strings, train
from viewer.relevance.training.tissue.corpus import read_corpus
from viewer.relevance.training.tissue.page import as_markdown
from viewer.relevance.training.tissue.patches import CUT_PX
from viewer.relevance.training.tissue.train import TissueTrainingOptions, train_tissue

if TYPE_CHECKING:
    from pathlib import Path

STEPS = 3


@pytest.fixture(autouse=True)
def often_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train, "SAVE_EVERY", 1)
    monkeypatch.setattr(train, "MINE_EVERY", 2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """A corpus, the folder of a training on it, and what the training returned."""
    corpus, folder = small_corpus(tmp_path_factory.mktemp("corpus")), tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "SAVE_EVERY", 1)
        patch.setattr(train, "MINE_EVERY", 2)
        facts = train_tissue(read_corpus(corpus), TissueTrainingOptions(STEPS), folder)
    return corpus, folder, facts


class Killed(Exception):
    """Stands for the end of a process."""


def killed_after(steps: int) -> Any:
    def progress(done: float, total: float) -> None:
        if total == STEPS and done == steps:
            raise Killed

    return progress


def test_weights_record_and_card_are_written(trained: tuple[Path, Path, dict[str, Any]]) -> None:
    _, folder, facts = trained

    network = TissueNetwork()
    network.load_state_dict(read_tensors(folder / WEIGHTS, sha256=facts["weights_sha256"]))
    assert json.loads((folder / FACTS).read_text())["fingerprint"] == facts["fingerprint"]
    assert (folder / PAGE).read_text() == as_markdown(facts, pictured=True)
    with Image.open(folder / FAILURES) as picture:
        assert picture.width > picture.height > CUT_PX
    assert f"({FAILURES})" in (folder / PAGE).read_text()
    assert f"({FAILURES})" not in as_markdown(facts, pictured=False)
    assert not (folder / train.STATE).exists()
    assert (folder / WEIGHTS).stat().st_size < 8_000_000
    assert float(network.projection.abs().sum()) > 0


def test_a_killed_training_resumes_to_the_same_bytes(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    corpus, _, facts = trained
    options = TissueTrainingOptions(STEPS)

    for steps in (1, 2):
        with pytest.raises(Killed):
            train_tissue(read_corpus(corpus), options, tmp_path, progress=killed_after(steps))
    resumed = train_tissue(read_corpus(corpus), options, tmp_path)

    assert resumed["weights_sha256"] == facts["weights_sha256"]
    assert hashlib.sha256((tmp_path / WEIGHTS).read_bytes()).hexdigest() == facts["weights_sha256"]


def test_a_training_that_was_finished_early_goes_on_to_the_same_bytes(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    corpus, _, facts = trained

    early = train_tissue(read_corpus(corpus), TissueTrainingOptions(STEPS, until=2), tmp_path)
    assert early["options"]["until"] == 2
    assert strings.CARD_FINISHED_EARLY.format(until=2, steps=STEPS) in as_markdown(early, pictured=True)
    assert early["weights_sha256"] != facts["weights_sha256"]
    whole = train_tissue(read_corpus(corpus), TissueTrainingOptions(STEPS), tmp_path)

    assert whole["weights_sha256"] == facts["weights_sha256"]
    assert not (tmp_path / train.STATE).exists()


def test_a_training_begins_from_the_weights_of_an_earlier_one(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    corpus, folder, _ = trained
    options = TissueTrainingOptions(STEPS, learning_rate=1e-9, start=folder / WEIGHTS)

    train_tissue(read_corpus(corpus), options, tmp_path)

    before, after = read_tensors(folder / WEIGHTS), read_tensors(tmp_path / WEIGHTS)
    torch.testing.assert_close(after["outputs.weight"], before["outputs.weight"], atol=1e-3, rtol=0)


def test_another_seed_gives_other_weights(trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    corpus, _, facts = trained

    other = train_tissue(read_corpus(corpus), TissueTrainingOptions(STEPS, seed=5), tmp_path)

    assert other["weights_sha256"] != facts["weights_sha256"]


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 cut short", b"\x80\x04N."])
def test_a_damaged_state_is_named(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path, damage: bytes
) -> None:
    (tmp_path / train.STATE).write_bytes(damage)

    with pytest.raises(
        TrainingError, match=pattern(training_strings.NOT_A_STATE, path=tmp_path / train.STATE)
    ):
        train_tissue(read_corpus(trained[0]), TissueTrainingOptions(STEPS), tmp_path)


def test_the_state_of_other_options_or_with_other_weights_is_refused(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    corpus = read_corpus(trained[0])
    with pytest.raises(Killed):
        train_tissue(corpus, TissueTrainingOptions(STEPS), tmp_path, progress=killed_after(1))

    with pytest.raises(TrainingError, match=pattern(strings.OTHER_TRAINING, path=tmp_path / train.STATE)):
        train_tissue(corpus, TissueTrainingOptions(STEPS, learning_rate=1e-3), tmp_path)
    state = torch.load(tmp_path / train.STATE, weights_only=True)
    torch.save({**state, "weights": {}}, tmp_path / train.STATE)
    with pytest.raises(
        TrainingError, match=pattern(training_strings.NOT_A_STATE, path=tmp_path / train.STATE)
    ):
        train_tissue(corpus, TissueTrainingOptions(STEPS), tmp_path)


def published(network: TissueNetwork) -> dict[str, torch.Tensor]:
    """The network's tensors under the names of the published file."""
    parts = {"stem.0": "_conv_stem", "stem.1": "_bn0", "head.0": "_conv_head", "head.1": "_bn1"}
    layers = {
        "expand.0": "_expand_conv",
        "expand.1": "_bn0",
        "depthwise.0": "_depthwise_conv",
        "depthwise.1": "_bn1",
        "project.0": "_project_conv",
        "project.1": "_bn2",
    }
    found = {"_fc.weight": torch.zeros(1000, 1280)}
    for name, tensor in network.trunk.state_dict().items():
        one, two, *rest = name.split(".")
        if one == "blocks":
            found[f"_blocks.{two}.{layers['.'.join(rest[:2])]}.{rest[2]}"] = tensor
        else:
            found[f"{parts[f'{one}.{two}']}.{rest[0]}"] = tensor
    return found


def test_published_weights_to_start_from(trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path) -> None:
    begin = TissueNetwork()
    torch.save(published(begin), tmp_path / "start.pth")
    options = TissueTrainingOptions(1, start=tmp_path / "start.pth")

    facts = train_tissue(read_corpus(trained[0]), options, tmp_path / "out")

    made = read_tensors(tmp_path / "out" / WEIGHTS)
    assert torch.equal(made["trunk.stem.0.weight"], begin.trunk.stem[0].weight.half())
    assert facts["options"]["start"] == "start.pth"
    assert "start.pth" in as_markdown(facts, pictured=True)


def test_weights_of_another_network_are_refused(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    other = {name: tensor for name, tensor in published(TissueNetwork()).items() if "_blocks.3" not in name}
    torch.save(other, tmp_path / "other.pth")
    torch.save({"_blocks.0._strange.weight": torch.zeros(3)}, tmp_path / "strange.pth")
    (tmp_path / "none.pth").write_bytes(b"")

    for name, error in (("other", TrainingError), ("strange", TrainingError), ("none", CheckpointError)):
        options = TissueTrainingOptions(1, start=tmp_path / f"{name}.pth")
        with pytest.raises(error, match=f"{name}.pth"):
            train_tissue(read_corpus(trained[0]), options, tmp_path / "out")


def test_too_little_to_train_on(tmp_path: Path) -> None:
    add_slide(tmp_path / "corpus", "only")
    notes: list[str] = []

    with pytest.raises(TrainingError, match=pattern(strings.TOO_FEW, path=tmp_path / "out")):
        train_tissue(
            read_corpus(tmp_path / "corpus"), TissueTrainingOptions(1), tmp_path / "out", note=notes.append
        )
    assert notes == []


def test_what_is_left_out_is_noted(tmp_path: Path) -> None:
    small_corpus(tmp_path / "corpus")
    path = add_slide(tmp_path / "corpus", "useless", mpp_um=20.0)
    notes: list[str] = []

    with pytest.raises(Killed):
        train_tissue(
            read_corpus(tmp_path / "corpus"),
            TissueTrainingOptions(STEPS),
            tmp_path / "out",
            note=notes.append,
            progress=killed_after(1),
        )
    assert (
        strings.NOTHING_LEFT.format(path=path) not in notes
    )  # 20 µm a pixel: regions of several millimetres


def test_a_training_that_diverges_is_named(
    trained: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    options = TissueTrainingOptions(STEPS, learning_rate=1e30)

    with pytest.raises(TrainingError, match="diverged at step"):
        train_tissue(read_corpus(trained[0]), options, tmp_path)


def test_without_test_slides_the_card_says_that_nothing_is_known(tmp_path: Path) -> None:
    for name in ("one", "two"):
        add_slide(tmp_path / "corpus", name)

    facts = train_tissue(read_corpus(tmp_path / "corpus"), TissueTrainingOptions(1), tmp_path / "out")

    assert facts["test"] == {}
    assert facts["calibration"] == asdict(Calibration())
    assert strings.CARD_NOT_TESTED in as_markdown(facts, pictured=True)
