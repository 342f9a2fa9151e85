"""Feature files of other programs: read as what they are, refused where they are not what they claim."""

from __future__ import annotations

import json
import os
import re
import zipfile
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import torch

from tests.messages import pattern
from viewer.relevance.features import strings
from viewer.relevance.features.external_files import SlideFacts, read_external
from viewer.relevance.features.safe_hdf5 import FeatureFileError
from viewer.relevance.models import strings as model_strings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SLIDE = SlideFacts((20_000, 12_000), (0.25, 0.25))
FEATURES = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float32)
CORNERS = np.array([[0, 0], [1024, 0], [2048, 0], [0, 1024], [1024, 1024], [1024, 3072]])


def trident(path: Path, **changes: Any) -> Path:
    path.parent.mkdir(exist_ok=True)
    attributes = {
        "patch_size": 256,
        "patch_size_level0": 1024,
        "level0_magnification": 40,
        "target_magnification": 10,
        "overlap": 0,
        "name": "slide",
        "level0_width": 20_000,
        "level0_height": 12_000,
    }
    with h5py.File(path, "w") as file:
        file["features"] = changes.pop("features", FEATURES)
        file["coords"] = changes.pop("coords", CORNERS)
        file["coords"].attrs.update(attributes | changes)
    return path


def clam(path: Path, **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        file["features"] = FEATURES
        file["coords"] = CORNERS.astype(np.int32)
        file["coords"].attrs.update(attributes)
    return path


def stamp(path: Path, *, step: float = 256.0, **attributes: Any) -> Path:
    """``step``: the distance of neighbouring patches in the unit of the file."""
    with h5py.File(path, "w") as file:
        file["feats"] = FEATURES.astype(np.float16)
        file["coords"] = CORNERS / 1024 * step
        file.attrs.update(attributes)
    return path


def span(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["feats"], file["cords"], file["ratios"] = FEATURES, CORNERS, np.ones(6)
    return path


def slideflow(path: Path, *, tile_um: object = 256) -> Path:
    torch.save(torch.from_numpy(FEATURES), path)
    np.savez(path.with_suffix(".index.npz"), CORNERS + 512)
    extractor = {"class": "slideflow.model.extractors.ctranspath.CTransPathFeatures"}
    config = {"extractor": extractor, "tile_um": tile_um, "tile_px": 256}
    path.with_name("bags_config.json").write_text(json.dumps(config))
    return path


WRITERS: dict[str, tuple[Callable[[Path], Path], str, str]] = {
    "TRIDENT": (lambda folder: trident(folder / "features_uni_v1" / "a.h5"), "TRIDENT", "uni_v1"),
    "one axis more": (lambda folder: trident(folder / "a.h5", features=FEATURES[None]), "TRIDENT", ""),
    "CLAM": (lambda folder: clam(folder / "a.h5", patch_size=1024, patch_level=0), "CLAM", ""),
    "a coarser level": (lambda folder: clam(folder / "a.h5", patch_size=256, downsample=(4, 4)), "CLAM", ""),
    "features only": (lambda folder: clam(folder / "a.h5"), "CLAM", ""),
    "STAMP": (
        lambda folder: stamp(folder / "a.h5", unit="um", tile_size_um=256.0, extractor="ctp"),
        "STAMP",
        "ctp",
    ),
    "STAMP before units": (lambda folder: stamp(folder / "a.h5", step=224.0), "STAMP", ""),
    "SPAN": (lambda folder: span(folder / "a.h5"), "SPAN", ""),
    "slideflow": (lambda folder: slideflow(folder / "a.pt"), "slideflow", "CTransPathFeatures"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_each_format_gives_the_same_features_and_squares(tmp_path: Path, writer: str) -> None:
    write, producer, encoder = WRITERS[writer]
    external = read_external(write(tmp_path), SLIDE)
    assert (external.producer, external.encoder) == (producer, encoder)
    assert external.features.dtype == np.float32
    np.testing.assert_allclose(external.features, FEATURES, atol=2e-3)
    np.testing.assert_allclose(external.rects[:, :2], CORNERS, atol=0.5)
    np.testing.assert_allclose(external.rects[:, 2:], CORNERS + 1024, atol=0.5)


@pytest.mark.parametrize(
    ("writer", "template"),
    [
        ("features only", strings.SIZE_FROM_DISTANCE),
        ("STAMP before units", strings.STAMP_WITHOUT_UNIT),
        ("SPAN", strings.SPAN_WITHOUT_UNIT),
    ],
)
def test_what_a_file_does_not_state_is_noted(tmp_path: Path, writer: str, template: str) -> None:
    (note,) = read_external(WRITERS[writer][0](tmp_path), SLIDE).notes
    assert re.fullmatch(pattern(template), note)


def test_our_own_finished_stores_are_read_too(tmp_path: Path) -> None:
    path = trident(tmp_path / "a.h5")
    with h5py.File(path, "r+") as file:
        file.attrs.update(
            {"encoder": "measured", "patch_width_level0": 1024.25, "patch_height_level0": 1023.5}
        )
    external = read_external(path, SLIDE)
    assert external.encoder == "measured"
    assert external.rects[0].tolist() == [0, 0, 1024.25, 1023.5]


def assert_refused(path: Path, template: str, slide: SlideFacts = SLIDE, **values: object) -> None:
    with pytest.raises(FeatureFileError) as raised:
        read_external(path, slide)
    assert str(path.parent) in str(raised.value)
    assert re.fullmatch(pattern(template, **values), raised.value.reason)


def test_files_that_do_not_fit_the_slide_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    assert_refused(trident(path, level0_width=999), strings.SLIDE_SIZE, width=999, height="12,000")
    assert_refused(trident(path, coords=CORNERS + 19_000), strings.OTHER_SLIDE)
    assert_refused(trident(path, coords=CORNERS - 2000), strings.OTHER_SLIDE)
    assert_refused(trident(path, patch_size_level0=2), strings.WIDTH_ON_SLIDE)
    assert_refused(trident(path, patch_size_level0="large"), strings.PATCH_SIZE_LEVEL0)
    assert_refused(trident(path, patch_size_level0=-1024), strings.IMPOSSIBLE_SIZE)
    assert_refused(
        stamp(path, unit="um", tile_size_um=256.0),
        strings.PIXEL_SIZE_NEEDED,
        SlideFacts((20_000, 12_000), None),
    )
    assert_refused(stamp(path, step=300.0), strings.UNKNOWN_UNIT)


def test_claims_that_are_wrong_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    assert_refused(trident(path, coords=CORNERS[:5]), strings.POSITION_COUNT, features=6, positions=5)
    assert_refused(trident(path, features=np.where(FEATURES > 1, np.nan, FEATURES)), strings.INVALID_FEATURES)
    assert_refused(trident(path, features=FEATURES.astype(np.float64) * 1e300), strings.INVALID_FEATURES)
    assert_refused(trident(path, features=np.zeros((6, 3, 2))), strings.FEATURES_SHAPE)
    assert_refused(trident(path, features=np.zeros((6, 0))), strings.FEATURES_SHAPE)
    assert_refused(trident(path, features=np.full((6, 4), b"x")), strings.VALUE_TYPE)
    assert_refused(trident(path, coords=np.zeros((6, 3), int)), strings.POSITIONS_SHAPE)
    assert_refused(one_patch(path), strings.NO_PATCH_SIZE)
    path.write_bytes(b"not HDF5")
    assert_refused(path, strings.NOT_HDF5)
    with h5py.File(path, "w") as file:
        file["pixels"] = np.zeros(3)
    assert_refused(path, strings.UNKNOWN_FORMAT, found="pixels")
    path.unlink()
    assert_refused(path, strings.NO_FILE)


def one_patch(path: Path) -> Path:
    with h5py.File(path, "w") as file:
        file["features"], file["coords"] = FEATURES[:1], CORNERS[:1]
    return path


def test_links_to_other_files_are_not_followed(tmp_path: Path) -> None:
    trident(tmp_path / "other.h5")
    for name in ("features", "coords"):
        path = trident(tmp_path / "a.h5")
        with h5py.File(path, "r+") as file:
            del file[name]
            file[name] = h5py.ExternalLink("other.h5", name)
        assert_refused(path, strings.NO_DATASET)


class Harmful:
    """Would make a folder if it were unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.folder),)


def test_pickles_that_run_code_do_not(tmp_path: Path) -> None:
    path = slideflow(tmp_path / "a.pt")
    torch.save([Harmful(tmp_path / "made")], path)
    assert_refused(path, model_strings.CAN_RUN_CODE)
    slideflow(path)
    index = path.with_suffix(".index.npz")
    np.savez(index, np.array([Harmful(tmp_path / "made")], dtype=object))
    assert_refused(path, strings.NOT_POSITIONS, kind="object")
    assert not (tmp_path / "made").exists()


def test_slideflow_files_that_are_not_whole_are_refused(tmp_path: Path) -> None:
    path = slideflow(tmp_path / "a.pt", tile_um="20x")
    assert_refused(path, strings.NO_TILE_UM)
    index = slideflow(path).with_suffix(".index.npz")
    data = index.read_bytes()
    index.write_bytes(data[: len(data) // 2])
    assert_refused(path, strings.NOT_NPZ)
    header = np.lib.format.header_data_from_array_1_0(np.zeros((1, 2))) | {"shape": (1 << 40, 2)}
    with zipfile.ZipFile(index, "w") as archive, archive.open("arr_0.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, header)
    assert_refused(path, strings.POSITIONS_MISSING)
    np.savez(index, CORNERS[:, :1])
    assert_refused(path, strings.NOT_POSITIONS)
    np.savez(index, other=CORNERS)
    assert_refused(path, strings.NOT_NPZ)
    index.unlink()
    assert_refused(path, strings.NO_INDEX)
    slideflow(path)
    path.with_name("bags_config.json").write_text("[")
    assert_refused(path, strings.NOT_JSON)
    path.with_name("bags_config.json").unlink()
    assert_refused(path, strings.CONFIG_MISSING)
    slideflow(path)
    torch.save(torch.zeros(1, 1).expand(6, 4000), path)
    assert_refused(path, strings.FEWER_FEATURES)
    torch.save({"a": 1}, path)
    assert_refused(path, strings.NO_TABLE)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_places_whose_compressed_bytes_are_damaged_are_refused(tmp_path: Path, compression: int) -> None:
    path = slideflow(tmp_path / "a.pt")
    index = path.with_suffix(".index.npz")
    with zipfile.ZipFile(index, "w", compression) as archive:
        archive.writestr("arr_0.npy", np.random.default_rng(0).bytes(300))
    data = bytearray(index.read_bytes())
    for place in range(60, 120):
        data[place] ^= 0x5A
    index.write_bytes(data)
    assert_refused(path, strings.NOT_NPZ)


@pytest.mark.parametrize("header", ["{[]: 1}", "-" * 9000 + "1", "(" * 9000, "{'descr': {'a': 1}}"])
def test_an_array_with_a_hostile_header_is_refused(tmp_path: Path, header: str) -> None:
    path = slideflow(tmp_path / "a.pt")
    data = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header.encode() + b"\n"
    with zipfile.ZipFile(path.with_suffix(".index.npz"), "w") as archive:
        archive.writestr("arr_0.npy", data)
    assert_refused(path, strings.ARRAY_DAMAGED)


@pytest.mark.parametrize("tile_um", [10**400, -256, 1e9])
def test_a_slideflow_size_that_cannot_be_is_refused(tmp_path: Path, tile_um: float) -> None:
    assert_refused(slideflow(tmp_path / "a.pt", tile_um=tile_um), strings.NO_TILE_UM)


@pytest.mark.parametrize("tensor", [torch.eye(6, 4).to_sparse(), torch.zeros(6, 4, device="meta")])
def test_a_tensor_without_values_in_memory_is_no_table(tmp_path: Path, tensor: torch.Tensor) -> None:
    path = slideflow(tmp_path / "a.pt")
    torch.save(tensor, path)
    assert_refused(path, strings.NO_TABLE)


def test_more_features_than_the_memory_holds_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = trident(tmp_path / "a.h5")
    monkeypatch.setattr(
        "viewer.relevance.features.safe_hdf5.psutil.virtual_memory", lambda: SimpleNamespace(available=100)
    )
    assert_refused(path, strings.NO_MEMORY)
