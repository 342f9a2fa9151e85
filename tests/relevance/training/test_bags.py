"""Feature files as bags: whose they are, where their patches lie, what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import torch

from tests.messages import pattern
from tests.relevance.training_stores import written
from viewer.relevance.features import strings as feature_strings
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.training import strings
from viewer.relevance.training.bags import FileFacts, feature_files, file_facts, one_a_cell, read_bag

if TYPE_CHECKING:
    from pathlib import Path

CELLS = np.array([[0, 0], [0, 1], [3, 7], [30, 38]], np.int32)
FEATURES = np.arange(12, dtype=np.float32).reshape(4, 3)


def trident(path: Path, corners: np.ndarray, *, side: int = 256) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["features"] = np.ones((1, len(corners), 3), np.float32)
        file["features"].attrs["encoder"] = "uni_v1"
        file["coords"] = corners
        facts = {"patch_size_level0": side, "level0_width": 4000, "level0_height": 3000}
        file["coords"].attrs.update(facts)
    return path


def slideflow(folder: Path) -> Path:
    folder.mkdir()
    torch.save(torch.ones(2, 3), folder / "a.pt")
    np.savez(folder / "a.index.npz", np.array([[150.0, 150.0], [450.0, 150.0]]))
    config = {"tile_um": 300, "extractor": {"class": "slideflow.uni"}}
    (folder / "bags_config.json").write_text(json.dumps(config))
    return folder / "a.pt"


def test_a_store_of_ours(tmp_path: Path) -> None:
    path = written(tmp_path, "case 7", FEATURES, CELLS)
    assert file_facts(path) == FileFacts("case 7", "fake")
    bag = read_bag(path)
    assert np.array_equal(bag.cells, CELLS)
    assert np.array_equal(bag.features, FEATURES)
    assert (bag.encoder, bag.encoder_version, bag.notes) == ("fake", "1", ())


def test_an_unfinished_store_is_used_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, "a", FEATURES, CELLS, complete=False)
    assert read_bag(path).notes == (strings.INCOMPLETE.format(path=path),)


def test_tridents(tmp_path: Path) -> None:
    path = trident(tmp_path / "slide 3.h5", np.array([[0, 0], [256, 0], [512, 1024]]))
    assert file_facts(path) == FileFacts("slide 3", None)
    bag = read_bag(path)
    assert bag.encoder == "file:uni_v1"
    assert bag.cells.tolist() == [[0, 0], [0, 1], [4, 2]]


def test_slideflows(tmp_path: Path) -> None:
    path = slideflow(tmp_path / "bags")
    assert file_facts(path) == FileFacts("a", None)
    assert read_bag(path).cells.tolist() == [[0, 0], [0, 1]]


def test_of_patches_in_one_cell_the_first_stays(tmp_path: Path) -> None:
    bag = read_bag(trident(tmp_path / "a.h5", np.array([[512, 0], [0, 0], [100, 20], [256, 0]])))
    assert one_a_cell(bag).cells.tolist() == [[0, 2], [0, 0], [0, 1]]
    apart = one_a_cell(bag)
    assert one_a_cell(apart) is apart


def test_values_that_are_no_numbers_are_refused_with_the_file(tmp_path: Path) -> None:
    features = FEATURES.copy()
    features[2, 1] = np.nan
    path = written(tmp_path, "a", features, CELLS)
    with pytest.raises(
        FeatureFileError, match=pattern(strings.INVALID_VALUES, invalid=1, total=4)
    ) as refusal:
        read_bag(path)
    assert str(path) in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file: file.attrs.__delitem__("patch_width_level0"), strings.NO_PATCH_SIZE),
        (lambda file: file["coords"].resize(3, axis=0), pattern(feature_strings.CORNER_COUNT)),
        (lambda file: file.__setitem__("coords", np.full((4, 2), 1 << 60)), strings.IMPOSSIBLE_PLACES),
        (lambda file: file.__delitem__("features"), pattern(feature_strings.NO_DATASET, name="'features'")),
    ],
)
def test_a_damaged_store_is_refused(tmp_path: Path, change: object, words: str) -> None:
    path = written(tmp_path, "a", FEATURES, CELLS)
    with h5py.File(path, "r+") as file:
        coords = file["coords"][()]
        del file["coords"]
        file.create_dataset("coords", data=coords, maxshape=(None, 2))
        if words == strings.IMPOSSIBLE_PLACES:
            del file["coords"]
        change(file)  # type: ignore[operator]
    with pytest.raises(FeatureFileError, match=words):
        read_bag(path)


def test_a_store_without_patches_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a", FEATURES[:0], CELLS[:0])
    with pytest.raises(FeatureFileError, match=strings.NO_PATCHES):
        read_bag(path)


def test_what_is_no_feature_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"no")
    for ask in (file_facts, read_bag):
        with pytest.raises(FeatureFileError, match=pattern(feature_strings.NOT_HDF5)):
            ask(tmp_path / "a.h5")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["other"] = [1]
    with pytest.raises(FeatureFileError, match=pattern(feature_strings.UNKNOWN_FORMAT, found="other")):
        read_bag(tmp_path / "b.h5")


def test_folders_give_their_feature_files_once(tmp_path: Path) -> None:
    trident(tmp_path / "in" / "b10.h5", np.zeros((1, 2)))
    trident(tmp_path / "in" / "b2.h5", np.zeros((1, 2)))
    slideflow(tmp_path / "in" / "bags")
    for name in ("in/clam.pt", "in/.hidden.h5", "in/notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "in" / "back").symlink_to(tmp_path)
    found = feature_files([tmp_path / "in" / "b2.h5", tmp_path / "in", tmp_path / "in" / "clam.pt"])
    assert [path.name for path in found] == ["b2.h5", "b10.h5", "a.pt", "clam.pt"]


_READ = """
import sys
from pathlib import Path
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.training.bags import file_facts, read_bag

for read, name in ((file_facts, "own.h5"), (read_bag, "own.h5"), (read_bag, "external.h5")):
    try:
        read(Path(sys.argv[1]) / name)
    except FeatureFileError as error:
        print(error.reason)
"""


def test_a_link_into_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """In a process of its own, which can be ended if it waits for ever."""
    os.mkfifo(tmp_path / "pipe")
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file.attrs["foveola"] = "{}"
        file["features"] = h5py.ExternalLink(str(tmp_path / "pipe"), "features")
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file["features"] = np.ones((4, 3), np.float32)
        file["coords"] = h5py.ExternalLink(str(tmp_path / "pipe"), "coords")
    done = subprocess.run(
        [sys.executable, "-c", _READ, tmp_path], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines() == [
        feature_strings.NO_DATASET.format(name=name) for name in ("features", "features", "coords")
    ]


@pytest.mark.parametrize("ending", ["h5", "pt"])
def test_pipes_are_not_waited_for(tmp_path: Path, ending: str) -> None:
    pipe = tmp_path / f"a.{ending}"
    os.mkfifo(pipe)
    for reading in (file_facts, read_bag):
        with pytest.raises(FeatureFileError, match=feature_strings.NOT_REGULAR):
            reading(pipe)
