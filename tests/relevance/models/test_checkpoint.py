"""Weights of strangers: read as tensors or refused with the name of the file, never run."""

from __future__ import annotations

import argparse
import copy
import os
import pickle
import zipfile
from typing import TYPE_CHECKING

import psutil
import pytest
import torch
from safetensors.torch import save_file

from tests.messages import pattern
from viewer.relevance.models import strings
from viewer.relevance.models.checkpoint import CheckpointError, model_folder, read_tensors, weights_file

if TYPE_CHECKING:
    from pathlib import Path

WEIGHTS = {
    "blocks.0.weight": torch.arange(6.0).reshape(2, 3),
    "norm.num_batches_tracked": torch.tensor(3),
    "position_ids": torch.arange(4),
}


def same(tensors: dict[str, torch.Tensor]) -> bool:
    return tensors.keys() == WEIGHTS.keys() and all(
        torch.equal(tensors[name], WEIGHTS[name]) for name in WEIGHTS
    )


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize(
    "wrapped",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS},
        {"model": {"state_dict": WEIGHTS}},
        {"teacher": {f"module.backbone.{name}": value for name, value in WEIGHTS.items()}, "epoch": 3},
        {"teacher": WEIGHTS, "args": argparse.Namespace(lr=0.1), "epoch": 3},
    ],
    ids=["bare", "state_dict", "nested", "prefixes", "options"],
)
def test_tensors_come_out_of_every_usual_wrapping(tmp_path: Path, wrapped: object) -> None:
    path = tmp_path / "weights.pt"
    torch.save(wrapped, path)
    assert same(read_tensors(path))


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(WEIGHTS, path)
    assert same(read_tensors(path))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(CheckpointError, match=rf"model\.safetensors: {pattern(strings.NOT_SAFETENSORS)}"):
        read_tensors(path)
    path.write_bytes((2**60).to_bytes(8, "little") + whole[8:])
    with pytest.raises(CheckpointError, match=pattern(strings.NOT_SAFETENSORS)):
        read_tensors(path)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_code_does_not(tmp_path: Path, legacy: bool) -> None:
    marker, path = tmp_path / "was run", tmp_path / "weights.pt"
    torch.save(
        {"weight": torch.zeros(2), "extra": Evil(marker)}, path, _use_new_zipfile_serialization=not legacy
    )
    with pytest.raises(CheckpointError, match=strings.CAN_RUN_CODE):
        read_tensors(path)
    assert not marker.exists()


def test_a_plain_pickle_that_would_run_code_does_not(tmp_path: Path) -> None:
    marker, path = tmp_path / "was run", tmp_path / "weights.bin"
    path.write_bytes(pickle.dumps(Evil(marker)))
    with pytest.raises(CheckpointError, match=r"weights\.bin"):
        read_tensors(path)
    assert not marker.exists()


def test_damaged_files_are_refused_wherever_they_are_cut(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(WEIGHTS, path)
    whole = path.read_bytes()
    for length in (0, 1, 3, 50, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"weights\.pt"):
            read_tensors(path)


@pytest.mark.parametrize("name", ["weights.pth", "model.safetensors"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 704238867\n", strings.GIT_LFS),
        (b"\n<!DOCTYPE html><html>Sign in</html>", strings.WEB_PAGE),
        (b"", strings.EMPTY),
    ],
)
def test_what_is_fetched_in_place_of_weights_is_named(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=said):
        read_tensors(path)


def test_a_cut_archive_and_bytes_of_something_else_are_distinguished(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(CheckpointError, match=strings.CUT_SHORT):
        read_tensors(path)
    path.write_bytes(b"GIF89a, or anything else")
    with pytest.raises(CheckpointError, match=pattern(strings.NOT_TORCH, begin=b"GIF89a, ")):
        read_tensors(path)


def test_a_tensor_larger_than_its_file_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(1).expand(1 << 40)}, path)
    with pytest.raises(CheckpointError, match=strings.FEWER_VALUES):
        read_tensors(path)


def test_a_compressed_archive_is_not_unpacked(tmp_path: Path) -> None:
    stored, path = tmp_path / "stored.pt", tmp_path / "weights.pt"
    torch.save({"weight": torch.zeros(1_000_000)}, stored)
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    with pytest.raises(CheckpointError, match=strings.COMPRESSED):
        read_tensors(path)


def test_an_archive_whose_parts_share_their_bytes_is_not_unpacked(tmp_path: Path) -> None:
    stored, path = tmp_path / "stored.pt", tmp_path / "weights.pt"
    torch.save({str(number): torch.zeros(1000) for number in range(20)}, stored)
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(path, "w") as target:
        names = source.namelist()
        for name in names:
            if "/data/" not in name or name.endswith("/data/0"):
                target.writestr(name, source.read(name))
        first = next(entry for entry in target.filelist if entry.filename.endswith("/data/0"))
        for name in set(names) - set(target.namelist()):
            again = copy.copy(first)
            again.filename = name
            target.filelist.append(again)
    assert path.stat().st_size < stored.stat().st_size / 4
    with pytest.raises(CheckpointError, match=strings.OVERLAPPING_PARTS):
        read_tensors(path)


class Large:
    """Makes so many bytes when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[int]]:
        return bytearray, (1 << 20,)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_pickle_that_makes_memory_out_of_a_number_is_not_opened(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"a": torch.zeros(1), "b": Large()}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(CheckpointError, match=strings.MORE_THAN_TENSORS):
        read_tensors(path)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.eye(3).to_sparse(),
        torch.zeros(3, device="meta"),
        torch.zeros(3).to(torch.float8_e4m3fn),
    ],
)
def test_tensors_of_odd_kinds_are_named(tmp_path: Path, tensor: torch.Tensor) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"odd": tensor}, path)
    with pytest.raises(CheckpointError, match=pattern(strings.TENSOR_KIND, name="odd")):
        read_tensors(path)


@pytest.mark.parametrize(
    ("kind", "said"),
    [(torch.int8, "int8"), (torch.bool, "bool"), (torch.complex64, "complex64"), (torch.int64, "int64")],
)
def test_quantised_weights_are_refused_by_name(tmp_path: Path, kind: torch.dtype, said: str) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"fc.weight": torch.ones(3), "norm.bias": torch.ones(3).to(kind)}, path)
    with pytest.raises(CheckpointError, match=pattern(strings.QUANTISED, name="norm.bias", dtype=said)):
        read_tensors(path)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {}, torch.zeros(3), {"model": 7}])
def test_other_content_is_no_table_of_weights(tmp_path: Path, content: object) -> None:
    path = tmp_path / "weights.pt"
    torch.save(content, path)
    with pytest.raises(CheckpointError, match=strings.NO_TABLE):
        read_tensors(path)


def test_values_that_are_not_numbers_are_found(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    torch.save({"a.weight": torch.tensor([1.0, float("nan")])}, path)
    with pytest.raises(CheckpointError, match=pattern(strings.INVALID_VALUES, name="a.weight")):
        read_tensors(path)


def test_too_large_for_the_memory_is_said_before_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pt"
    torch.save(WEIGHTS, path)
    memory = psutil.virtual_memory()._replace(available=path.stat().st_size)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    with pytest.raises(CheckpointError, match=pattern(strings.TOO_LARGE)):
        read_tensors(path)


def test_the_digest_is_checked(tmp_path: Path) -> None:
    import hashlib

    path = tmp_path / "weights.pt"
    torch.save(WEIGHTS, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert same(read_tensors(path, sha256=digest.upper()))
    with pytest.raises(CheckpointError, match=pattern(strings.WRONG_SHA256)):
        read_tensors(path, sha256="0" * 64)


def test_folders_and_their_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=strings.NO_FOLDER):
        model_folder(tmp_path / "none")
    with pytest.raises(CheckpointError, match=pattern(strings.NO_WEIGHTS)):
        weights_file(tmp_path)
    (tmp_path / "one.pt").touch()
    assert weights_file(tmp_path).name == "one.pt"
    (tmp_path / "two.pt").touch()
    with pytest.raises(CheckpointError, match=pattern(strings.SEVERAL_WEIGHTS, names="one.pt, two.pt")):
        weights_file(tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    assert weights_file(tmp_path).name == "pytorch_model.bin"
    with pytest.raises(CheckpointError, match=strings.NOT_A_FOLDER):
        model_folder(tmp_path / "one.pt")


def test_a_cache_folder_leads_to_its_snapshot(tmp_path: Path) -> None:
    assert model_folder(tmp_path) == tmp_path
    (tmp_path / "snapshots" / "abc").mkdir(parents=True)
    assert model_folder(tmp_path) == tmp_path / "snapshots" / "abc"
    (tmp_path / "snapshots" / "def").mkdir()
    with pytest.raises(CheckpointError, match=pattern(strings.SNAPSHOTS, count=2)):
        model_folder(tmp_path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"gone\.pt: {pattern(strings.UNREADABLE)}"):
        read_tensors(tmp_path / "gone.pt")
