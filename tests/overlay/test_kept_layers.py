"""Kept layers in files: whole after a restart, bounded in size, refused in words where they are damaged."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from tests.messages import pattern
from tests.relevance.fields import small_field
from viewer.overlay import strings
from viewer.overlay.kept_layers import (
    KeptLayer,
    layers_folder,
    new_file_name,
    read_layer,
    read_layers,
    remove_layer,
    write_layer,
)
from viewer.overlay.layer import OverlayLook
from viewer.relevance.features.safe_hdf5 import FeatureFileError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLIDE = "5" * 64
FIELD = small_field()
LAYER = KeptLayer(
    replace(FIELD, provenance=replace(FIELD.provenance, source_values=(-3.2, 0.5, 14.7))),
    "Fettgewebe 🧈",
    OverlayLook(colour_map="teal", opacity=0.3, threshold=0.25, contours=True, visible=False, smooth=False),
    imported=True,
    state="62 % analysed",
    meaning="of 41 patches at 0.9 and more, 98 % were blood",
)


def keep(layer: KeptLayer = LAYER, slide: str = SLIDE, **how: Any) -> Path:
    path = layers_folder(slide) / new_file_name()
    write_layer(layer, path, **how)
    return path


def change_facts(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    with h5py.File(path, "r+") as file:
        facts = json.loads(file["facts"][()].tobytes())
        change(facts)
        del file["facts"]
        file["facts"] = np.frombuffer(json.dumps(facts).encode(), np.uint8)


def test_a_layer_comes_back_as_it_was() -> None:
    path = keep()
    back = read_layer(path)
    assert isinstance(back, KeptLayer)
    assert replace(back, field=LAYER.field) == LAYER
    assert back.field.grid == LAYER.field.grid
    assert back.field.provenance == LAYER.field.provenance
    for name in ("scores", "known", "estimated"):
        assert np.array_equal(getattr(back.field, name), getattr(LAYER.field, name))
    assert path.stat().st_size < 20_000


def test_weak_values_are_not_drawn() -> None:
    weak = replace(LAYER, threshold=0.62)

    assert weak.drawn == replace(LAYER.look, threshold=0.62)
    assert replace(LAYER, threshold=0.1).drawn == LAYER.drawn == LAYER.look, "the reader's own is higher"
    path = keep()
    change_facts(path, lambda facts: facts.pop("meaning"))
    back = read_layer(path)
    assert isinstance(back, KeptLayer)
    assert back.meaning == "", "written before there was one"


def test_glass_stays_glass() -> None:
    """An export of a layer that was kept counts what that of the query itself counts."""
    glass = np.zeros(FIELD.grid.shape, bool)
    glass[0] = True
    kept = replace(LAYER, field=replace(FIELD, glass=glass), imported=False)
    back = read_layer(keep(kept))
    assert isinstance(back, KeptLayer)
    assert np.array_equal(back.field.known, FIELD.known)
    assert back.field.analysed_count == kept.field.analysed_count == FIELD.known.sum() - FIELD.grid.columns
    imported = read_layer(keep())
    assert isinstance(imported, KeptLayer)
    assert imported.field.glass is None, "another program did not say which patches are glass"


def test_layers_come_in_the_order_in_which_they_were_kept_and_go_when_removed() -> None:
    paths = [keep(replace(LAYER, title=str(number))) for number in range(3)]
    keep(slide="6" * 64)
    write_layer(replace(LAYER, title="0, restyled"), paths[0])
    layers, problems = read_layers(SLIDE)
    assert [layer.title for _, layer in layers if isinstance(layer, KeptLayer)] == ["0, restyled", "1", "2"]
    assert [file for file, _ in layers] == [path.name for path in paths]
    assert problems == []
    for path in paths:
        remove_layer(path)
        remove_layer(path)
    assert not layers_folder(SLIDE).exists()
    assert read_layers(SLIDE) == ([], [])
    assert len(read_layers("6" * 64)[0]) == 1


def test_the_oldest_of_all_slides_make_room() -> None:
    first, second = keep(), keep(slide="6" * 64)
    size_bytes = first.stat().st_size
    third = keep(limit_bytes=round(2.5 * size_bytes))
    assert [path.exists() for path in (first, second, third)] == [False, True, True]
    alone = keep(limit_bytes=1)
    assert [path.exists() for path in (second, third, alone)] == [False, False, True], (
        "what was just kept stays"
    )


def test_an_old_layer_that_cannot_be_removed_costs_no_newer_one() -> None:
    stuck = layers_folder("6" * 64) / "0000.h5"
    stuck.mkdir(parents=True)  # a folder is no file that could be unlinked
    old = keep()
    kept = keep(limit_bytes=1)
    assert stuck.is_dir()
    assert not old.exists()
    assert len(read_layers(SLIDE)[0]) == 1
    assert kept.exists()


def test_a_damaged_file_is_named_once_and_costs_nothing_else() -> None:
    broken, whole = keep(), keep()
    broken.write_bytes(broken.read_bytes()[:-2000])
    (found,), (problem,) = read_layers(SLIDE)
    assert found[0] == whole.name
    assert str(broken) in problem
    assert read_layers(SLIDE)[1] == [], "it was set aside"
    assert broken.with_suffix(".unreadable").is_file()


@pytest.mark.parametrize(
    "change",
    [
        lambda facts: facts.clear(),
        lambda facts: facts.update(version=99),
        lambda facts: facts.update(title=3),
        lambda facts: facts.update(patch_px=[256.0]),
        lambda facts: facts.update(patch_px="ab"),
        lambda facts: facts.update(patch_px=[10**400, 256.0]),
        lambda facts: facts["look"].update(opacity=7),
        lambda facts: facts["look"].update(opacity=None),
        lambda facts: facts["look"].update(colour_map=["teal"]),
        lambda facts: facts.update(look=[]),
        lambda facts: facts["provenance"].update(query=None),
        lambda facts: facts["provenance"].update(mpp_um=[-1, 0.5]),
        lambda facts: facts["provenance"].update(mpp_estimated="yes"),
        lambda facts: facts["provenance"].update(source_values=[1, float("inf")]),
        lambda facts: facts["provenance"].update(source_values=[2, 1]),
        lambda facts: facts["provenance"].update(source_values=[1]),
        lambda facts: facts["provenance"].update(source_values=7),
        lambda facts: facts["provenance"].update(source_values=[0, 10**400]),
        lambda facts: facts["provenance"].update(source_values=["low", "high"]),
        lambda facts: facts.update(provenance=None),
    ],
)
def test_facts_that_cannot_be_are_refused(change: Callable[[dict[str, Any]], object]) -> None:
    path = keep()
    change_facts(path, change)
    with pytest.raises(FeatureFileError, match=pattern(strings.NOT_A_KEPT_LAYER)):
        read_layer(path)


def test_a_look_of_a_later_version_is_read_as_far_as_it_is_known() -> None:
    path = keep()
    change_facts(path, lambda facts: facts["look"].update(sparkle=True))
    assert read_layer(path).look == LAYER.look


@pytest.mark.parametrize("name", ["scores", "coverage", "facts"])
def test_arrays_that_cannot_be_are_refused(name: str) -> None:
    odd = np.full((3, 3), 7, np.uint8) if name == "coverage" else np.zeros((0, 4), np.float32)
    odd = np.zeros((1 << 20) + 1, np.uint8) if name == "facts" else odd
    path = keep()
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = odd
    with pytest.raises(FeatureFileError):
        read_layer(path)


def test_scores_beyond_their_range_are_refused() -> None:
    path = keep()
    with h5py.File(path, "r+") as file:
        file["scores"][0, 0] = np.nan
    with pytest.raises(FeatureFileError, match=pattern(strings.NOT_A_KEPT_LAYER)):
        read_layer(path)
