"""The whole way: a head trained on measured phantom slides looks where lymphocytes were planted, on slides of
a section and stain that it has not seen.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.relevance.training_stores import written
from viewer.relevance.encoders.card import HeadEntry
from viewer.relevance.encoders.head_encoder import HeadEncoder
from viewer.relevance.encoders.measured.card import MEASURED
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.training.cohort import Label, gather
from viewer.relevance.training.report import auc
from viewer.relevance.training.train import WEIGHTS, TrainingOptions, train_head
from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect
from viewer.slide.phantom.layout import Tissue
from viewer.slide.phantom.slide import Phantom
from viewer.slide.source import SlideInfo
from viewer.slide.tissue.mask import tissue_mask

if TYPE_CHECKING:
    from viewer.relevance.training.model import HeadKind

ROWS, COLUMNS, PATCH_PX, MARGIN_PX = 4, 6, 128, 16
HEIGHT, WIDTH = (side * PATCH_PX + 2 * MARGIN_PX for side in (ROWS, COLUMNS))
SECTION_PX = 4096
PLACE = (640, 1120, 2240, 1344)
"""x, y, width, height of the section where there is no glass."""
RADIUS_PX = 140
TRAINED_ON, HELD_OUT = 24, 12
MPP_UM = (1.0, 1.0)


class Section:
    """A phantom without lymphoid aggregates, the same place of nothing else, pixels of 1 µm (two of the
    phantom's), and the encoder's calibration.
    """

    def __init__(self, seed: int) -> None:
        self.encoder = MeasuredEncoder()
        phantom = Phantom(SECTION_PX, seed)
        shares = phantom.layout.shares
        shares[..., Tissue.STROMA] += shares[..., Tissue.LYMPHOCYTES]
        shares[..., Tissue.LYMPHOCYTES] = 0
        self.plain = halved(phantom.render(*PLACE))
        shares[:] = 0
        shares[..., Tissue.LYMPHOCYTES] = 255
        self.planted = halved(phantom.render(*PLACE[:2], *2 * (6 * RADIUS_PX,)))
        height, width = self.plain.shape[:2]
        info = SlideInfo(
            path=Path("made"),
            format="made",
            reader="made",
            reader_reason="made by the test",
            bounds=Rect(0, 0, width, height),
            file_levels=((width, height),),
            mpp_um=MPP_UM,
        )
        with closing(ArraySource(info, self.plain)) as source:
            self.calibration = self.encoder.calibrate(source, tissue_mask(source, MPP_UM), MPP_UM)

    def slide(self, chance: np.random.Generator, *, planted: bool) -> tuple[np.ndarray, np.ndarray]:
        """Features (24, 39) of a slide cut from the section, and which patches are more than half planted."""
        pixels = cut(chance, self.plain, HEIGHT, WIDTH)
        disc = np.zeros((HEIGHT, WIDTH), bool)
        if planted:
            side = 2 * RADIUS_PX
            y, x = (int(chance.integers(full - side)) for full in (HEIGHT, WIDTH))
            steps = np.arange(side) - RADIUS_PX
            round_ = np.hypot(steps, steps[:, None]) < RADIUS_PX
            disc[y : y + side, x : x + side] = round_
            pixels[disc] = cut(chance, self.planted, side, side)[round_]
        inner = disc[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
        covered = inner.reshape(ROWS, PATCH_PX, COLUMNS, PATCH_PX).mean(axis=(1, 3))
        features = self.encoder.encode(pixels, self.calibration)
        return features.reshape(ROWS * COLUMNS, -1), covered.flatten() > 0.5


def cut(chance: np.random.Generator, pixels: np.ndarray, height: int, width: int) -> np.ndarray:
    """A part of a picture, from anywhere in it."""
    y, x = int(chance.integers(pixels.shape[0] - height)), int(chance.integers(pixels.shape[1] - width))
    return pixels[y : y + height, x : x + width].copy()


def halved(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
    return pixels[..., :3].reshape(height, 2, width, 2, 3).mean(axis=(1, 3)).astype(np.uint8)


@dataclass(frozen=True)
class Study:
    """``folder`` of stores and their ``labels``; slides that are kept apart: features, which are planted."""

    folder: Path
    labels: dict[str, Label]
    held_out: list[tuple[np.ndarray, np.ndarray]]


CELLS = np.stack(np.divmod(np.arange(ROWS * COLUMNS), COLUMNS), axis=1).astype(np.int32)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("stores")
    chance = np.random.default_rng(0)
    section, other = Section(1), Section(2)
    labels = {}
    for number in range(TRAINED_ON):
        name = f"s{number:02}"
        features, _ = section.slide(chance, planted=number % 2 == 1)
        written(folder, name, features, CELLS, encoder=MEASURED.id)
        labels[name] = Label(name, ("no", "yes")[number % 2], name, "")
    return Study(folder, labels, [other.slide(chance, planted=True) for _ in range(HELD_OUT)])


@pytest.mark.parametrize(("kind", "epochs"), [("gated", 60), ("span", 15)])
def test_attention_lies_on_what_was_planted(
    study: Study, tmp_path: Path, kind: HeadKind, epochs: int
) -> None:
    cohort = gather([study.folder], study.labels)
    options = TrainingOptions(kind, folds=1, epochs=epochs, seed=1)
    facts = train_head(cohort, options, tmp_path, name="aggregates")
    assert facts["report"]["auc"]["yes"]["auc"] >= 0.95
    entry = HeadEntry(
        "aggregates",
        "Lymphoid aggregates",
        tmp_path / WEIGHTS,
        MEASURED.id,
        MEASURED.version,
        MEASURED.feature_count,
        cohort.classes,
        facts["weights_sha256"],
    )
    encoder = HeadEncoder.load(entry, load_encoder(entry.encoder))
    areas = []
    for features, planted in study.held_out:
        codes, usable = encoder.attend_whole(features, CELLS)
        assert usable.all()
        areas.append(auc(codes[0].astype(np.float64), planted) or 0.0)
    assert np.mean(areas) >= 0.95
