"""Maps in HDF5: our own scores come back as they were, CLAM's by rank, and false claims are refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.fields import EXTENT_PX, small_field
from viewer.relevance.exchange import strings
from viewer.relevance.exchange.export import write_scores
from viewer.relevance.exchange.read_map import read_map
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.features.strings import NO_PATCH_SIZE, TOO_MANY_VALUES, VALUE_TYPE
from viewer.relevance.patches.grid import PatchGrid

if TYPE_CHECKING:
    from pathlib import Path

GRID = PatchGrid.over(4096, 2048, (0.5, 0.5))  # 16 × 8 patches of 256 px
CORNERS = np.array([[0, 0], [256, 0], [512, 0], [0, 256], [256, 512]])


def attention(path: Path, scores: Any, *, coords: Any = CORNERS, **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        file["attention_scores"] = scores
        file["coords"] = coords
        file["coords"].attrs.update(attributes)
    return path


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(FeatureFileError) as raised:
        read_map(path, (4096, 2048), GRID, mpp_estimated=False, **options)
    assert str(path) in str(raised.value)
    return raised.value.reason


def test_our_own_scores_come_back_as_they_were(tmp_path: Path) -> None:
    field, path = small_field(), tmp_path / "a.h5"
    write_scores(field, path, slide_name="a")
    back = read_map(path, EXTENT_PX, field.grid, mpp_estimated=True).field
    assert (back.known == field.known).all()
    np.testing.assert_allclose(back.scores[field.known], field.scores[field.known], atol=1e-6)
    assert not back.estimated.any()
    assert back.provenance.query == "adipose tissue"
    assert back.provenance.software == "Foveola"
    assert back.provenance.mpp_um == pytest.approx((0.499, 0.501))
    assert back.provenance.mpp_estimated
    assert re.search(pattern(strings.OF_OTHER_PATCHES, found=260, expected=144), refused(path))


def test_attention_of_clam_is_drawn_by_rank(tmp_path: Path) -> None:
    path = attention(
        tmp_path / "a.h5", np.array([[-3.0], [0.5], [9], [1], [2]]), patch_size=256, patch_level=0
    )
    back = read_map(path, (4096, 2048), GRID, mpp_estimated=False)
    field = back.field
    assert field.known.sum() == 5
    assert field.scores[0, :3].tolist() == [0, 0.25, 1]
    assert field.scores[2, 1] == 0.75
    assert "ranks" in field.provenance.normalisation
    assert field.provenance.encoder == "file:a.h5"
    assert "5 " not in back.notes[1]
    assert re.search(pattern(strings.COVERS, share="3.9%"), back.notes[1])


def test_a_size_that_is_not_stated_is_measured_or_given(tmp_path: Path) -> None:
    path = attention(tmp_path / "a.h5", np.arange(5.0))
    notes = read_map(path, (4096, 2048), GRID, mpp_estimated=False).notes
    assert re.search(pattern(strings.PATCH_SIZE_FROM_DISTANCE, side=256), notes[2])
    given = read_map(path, (4096, 2048), GRID, mpp_estimated=False, patch_px=512)
    assert given.field.known.sum() > 5
    assert len(given.notes) == 3
    assert "cannot be" in refused(path, patch_px=float("nan"))
    coarse = attention(path, np.arange(5.0), patch_size=128, downsample=(2.0, 2.0), patch_level=1)
    assert read_map(coarse, (4096, 2048), GRID, mpp_estimated=False).field.known.sum() == 5


def test_several_classes_are_named(tmp_path: Path) -> None:
    path = attention(tmp_path / "a.h5", np.arange(10.0).reshape(5, 2), patch_size=256)
    assert re.search(
        pattern(strings.SEVERAL_COLUMNS, names="'attention_scores 1', 'attention_scores 2'"), refused(path)
    )
    chosen = read_map(path, (4096, 2048), GRID, mpp_estimated=False, column="attention_scores 2")
    assert chosen.field.provenance.query == "attention_scores 2"


def test_files_that_claim_what_cannot_be_are_refused(tmp_path: Path) -> None:
    path, five = tmp_path / "a.h5", np.arange(5.0)
    assert "another slide" in refused(attention(path, five, patch_size=256, coords=CORNERS + 5000))
    assert re.search(
        pattern(strings.NEGATIVE_COORDINATES),
        refused(attention(path, five, patch_size=256, coords=CORNERS - 1000)),
    )
    assert re.search(
        pattern(strings.OF_OTHER_EXTENT, width=9, height=9),
        refused(attention(path, five, level0_width=9, level0_height=9)),
    )
    assert re.search(
        pattern(strings.SCORES_PER_PLACE, scores=5, places=4),
        refused(attention(path, five, patch_size=256, coords=CORNERS[:4])),
    )
    assert re.search(
        pattern(strings.COORDINATES_NOT_FINITE),
        refused(attention(path, five, patch_size=256, coords=CORNERS * np.nan)),
    )
    assert "make no sense" in refused(attention(path, five, patch_size=-256))
    assert NO_PATCH_SIZE in refused(attention(path, five[:1], coords=CORNERS[:1]))
    assert re.search(pattern(strings.WRONG_SHAPE), refused(attention(path, np.zeros((5, 0)))))
    assert re.search(pattern(VALUE_TYPE), refused(attention(path, np.full(5, b"x"))))
    with h5py.File(path, "w") as file:
        file["coords"] = CORNERS
        file.create_dataset("scores", shape=(1 << 40,), chunks=(1 << 16,), dtype="f4")
    assert re.search(pattern(TOO_MANY_VALUES), refused(path))
    with h5py.File(path, "w") as file:
        file["features"] = five
    assert "it is no map" in refused(path)
    path.write_bytes(b"nothing")
    assert "damaged" in refused(path)


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    attention(tmp_path / "other.h5", np.arange(5.0))
    path = attention(tmp_path / "a.h5", np.arange(5.0))
    with h5py.File(path, "r+") as file:
        del file["attention_scores"]
        file["attention_scores"] = h5py.ExternalLink("other.h5", "attention_scores")
    assert "of its own" in refused(path)


@pytest.mark.parametrize("name", ["attention_scores", "coords"])
def test_a_link_is_not_followed_even_to_see_whether_it_leads_anywhere(tmp_path: Path, name: str) -> None:
    path = attention(tmp_path / "a.h5", np.arange(5.0))
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = h5py.ExternalLink("nowhere.h5", name)
    assert f"it has no dataset {name!r} of its own" in refused(path)


def test_what_a_linked_file_says_is_not_read(tmp_path: Path) -> None:
    attention(tmp_path / "other.h5", np.arange(5.0), level0_width=9, level0_height=9)
    path = attention(tmp_path / "a.h5", np.arange(5.0))
    with h5py.File(path, "r+") as file:
        del file["coords"]
        file["coords"] = h5py.ExternalLink("other.h5", "coords")
    assert "of its own" in refused(path)
