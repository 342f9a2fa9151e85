"""Another program's features as an index: on the shared grid, scored by who can."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from viewer.common.errors import EncoderError, UnsupportedTermError
from viewer.relevance.features import external_index as foreign_index
from viewer.relevance.features import strings
from viewer.relevance.features.external_index import cells_from_rects, open_external_index
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.patches.grid import PatchGrid
from viewer.relevance.query.tree import Term
from viewer.slide.formats.registry import open_slide

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from viewer.slide.source import Source

GRID = PatchGrid.over(1280, 1024, (1.0, 1.0))


def rects(side: float, *corners: tuple[float, float]) -> np.ndarray:
    return np.array([[x, y, x + side, y + side] for x, y in corners])


def test_equal_patches_lie_one_to_one() -> None:
    corners = GRID.coords()
    cells, chosen = cells_from_rects(rects(128, *corners.tolist()), GRID)
    assert len(cells) == GRID.patch_count
    assert np.array_equal(GRID.coords()[cells[:, 0] * GRID.columns + cells[:, 1]], corners[chosen])


def test_patches_that_drift_go_to_the_nearest_centre() -> None:
    """256 px of a grid of 256.5: the twentieth is 10 px off."""
    grid = PatchGrid.over(12_000, 300, (0.499, 0.499))
    corners = [(256 * column, 0) for column in range(40)]
    cells, chosen = cells_from_rects(rects(256, *corners), grid)
    assert cells[:, 1].tolist() == list(range(40))
    assert chosen.tolist() == list(range(40))


def test_a_large_patch_covers_every_centre_within() -> None:
    cells, chosen = cells_from_rects(rects(256, (0, 0), (256, 128)), GRID)
    found = {(int(row), int(col)): int(index) for (row, col), index in zip(cells, chosen, strict=True)}
    assert found == {(r, c): 0 for r in (0, 1) for c in (0, 1)} | {(r, c): 1 for r in (1, 2) for c in (2, 3)}


def test_of_small_patches_the_one_at_the_centre_counts() -> None:
    corners = [(64 * x + 16, 32) for x in range(4)]
    cells, chosen = cells_from_rects(rects(64, *corners), GRID)
    assert cells.tolist() == [[0, 0], [0, 1]]
    assert chosen.tolist() == [0, 2]


def test_of_overlapping_patches_the_nearest_counts() -> None:
    cells, chosen = cells_from_rects(rects(128, (60, 0), (10, 0), (-40, 0)), GRID)
    assert cells.tolist() == [[0, 0]]
    assert chosen.tolist() == [1]


def test_patches_that_overlap_beyond_reason_are_refused() -> None:
    with pytest.raises(ValueError, match=pattern(strings.TOO_MUCH_OVERLAP)):
        cells_from_rects(np.tile(rects(120_000, (0, 0)), (1000, 1)), GRID)


@pytest.fixture
def slide(tmp_path: Path) -> Iterator[Source]:
    Image.new("RGB", (1280, 1024), "white").save(tmp_path / "slide.png")
    with closing(open_slide(tmp_path / "slide.png")) as source:
        yield source


def feature_file(path: Path, *, side: int = 128, features: np.ndarray | None = None) -> Path:
    path.parent.mkdir(exist_ok=True)
    corners = [(x, y) for y in range(0, 1024 - side, side) for x in range(0, 1280 - side, side)]
    with h5py.File(path, "w") as file:
        file["features"] = np.eye(len(corners), 5, dtype=np.float32) * 3 if features is None else features
        file["coords"] = np.array(corners)
        file["coords"].attrs["patch_size_level0"] = side
    return path


def test_features_of_an_unknown_model_can_be_compared_and_no_more(tmp_path: Path, slide: Source) -> None:
    path = feature_file(tmp_path / "features_uni_v1" / "slide.h5")
    index = open_external_index(path, slide, (1.0, 1.0), mpp_estimated=False)
    assert index.store.complete
    assert index.store.count == 63
    assert index.encoder.card.id == "file:uni_v1"
    assert index.encoder.card.feature_count == 5
    assert index.encoder.explain(Term("fat"), index.store.load()[1], 0, {}) == ()
    assert len(index.notes) == 2
    with pytest.raises(UnsupportedTermError, match=pattern(strings.NO_TEXT_QUERIES, encoder="uni_v1")):
        index.encoder.score(Term("fat"), index.store.load()[1], {})
    with pytest.raises(EncoderError, match=pattern(strings.MODEL_NEEDED)):
        index.encoder.encode(np.zeros((128, 128, 3), np.uint8), {})


def test_patches_of_another_size_are_reported(tmp_path: Path, slide: Source) -> None:
    path = feature_file(tmp_path / "slide.h5", side=256)
    index = open_external_index(path, slide, (1.0, 1.0), mpp_estimated=False)
    assert index.store.count == 4 * 3 * 4
    assert index.notes[-1] == strings.PATCH_WIDTH.format(width_um=256)


class Words:
    """Stands for a model that knows words: three features, compared as unit vectors."""

    def use(self, device: str) -> None: ...

    def calibrate(self, *_: Any) -> dict[str, Any]:
        return {}

    def explain(self, *_: Any) -> tuple[()]:
        return ()

    def score(self, term: Term, features: np.ndarray, calibration: dict[str, Any]) -> np.ndarray:
        if features.shape[1] != 3:
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
        return features @ np.array([0, 1, 0], np.float32)


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))
    config = tmp_path / "home" / "config"
    config.mkdir(parents=True)
    for name in ("plip", "conch_v1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"weights")
        with (config / "models.toml").open("a") as file:
            file.write(f'[{name}]\nfolder = "{tmp_path / name}"\n')
    monkeypatch.setattr(foreign_index, "load_encoder", lambda _name: Words())


@pytest.mark.usefixtures("registry")
def test_features_of_a_model_in_the_registry_accept_words(tmp_path: Path, slide: Source) -> None:
    features = np.tile(np.array([[0, 5, 0]], np.float32), (63, 1))
    path = feature_file(tmp_path / "features_plip" / "slide.h5", features=features)
    index = open_external_index(path, slide, (1.0, 1.0), mpp_estimated=False)
    assert index.encoder.score(Term("fat"), index.store.load()[1], {}).tolist() == [1.0] * 63
    assert index.encoder.card.licence.startswith("no licence file")
    with pytest.raises(EncoderError, match=pattern(strings.NOT_IN_FILE)):
        index.encoder.encode(np.zeros((128, 128, 3), np.uint8), {})


@pytest.mark.usefixtures("registry")
def test_features_that_are_not_the_models_are_refused(tmp_path: Path, slide: Source) -> None:
    path = feature_file(tmp_path / "features_plip" / "slide.h5")
    with pytest.raises(FeatureFileError, match=pattern(strings.OTHER_MODEL, width=5, model="PLIP")):
        open_external_index(path, slide, (1.0, 1.0), mpp_estimated=False)


@pytest.mark.usefixtures("registry")
def test_features_of_conch_are_not_taken_for_comparable_with_words(tmp_path: Path, slide: Source) -> None:
    path = feature_file(tmp_path / "features_conch_v1" / "slide.h5")
    index = open_external_index(path, slide, (1.0, 1.0), mpp_estimated=False)
    assert re.search(pattern(strings.TEXT_QUERIES_UNAVAILABLE), " ".join(index.notes))


def test_a_file_of_patches_that_overlap_beyond_reason_is_named(tmp_path: Path, slide: Source) -> None:
    with h5py.File(tmp_path / "heap.h5", "w") as file:
        file["features"] = np.ones((100_000, 1), np.float32)
        file["coords"] = np.zeros((100_000, 2), np.int64)
        file["coords"].attrs["patch_size_level0"] = 8192
    with pytest.raises(FeatureFileError, match=rf"heap\.h5: {pattern(strings.TOO_MUCH_OVERLAP)}"):
        open_external_index(tmp_path / "heap.h5", slide, (1.0, 1.0), mpp_estimated=False)


def test_patches_between_the_centres_make_no_index(tmp_path: Path, slide: Source) -> None:
    path = tmp_path / "slide.h5"
    with h5py.File(path, "w") as file:
        file["features"], file["coords"] = np.ones((1, 3), np.float32), np.array([[0, 0]])
        file["coords"].attrs["patch_size_level0"] = 32
    with pytest.raises(FeatureFileError, match=strings.NO_CENTRE):
        open_external_index(path, slide, (1.0, 1.0), mpp_estimated=False)
