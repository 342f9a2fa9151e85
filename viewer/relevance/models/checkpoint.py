"""Reading weights from an untrusted file or folder: safetensors, or pickles of tensors and nothing else.

Never runs code from the file, never uses the network, never accepts an incomplete file. Errors name the file.
"""

from __future__ import annotations

import argparse
import hashlib
import mmap
import pickle
import re
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import psutil

from viewer.common.errors import EncoderError
from viewer.common.text import first_line
from viewer.relevance.models import strings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

WEIGHT_FILES = (
    "model.safetensors",
    "open_clip_model.safetensors",
    "pytorch_model.bin",
    "open_clip_pytorch_model.bin",
)
WEIGHT_SUFFIXES = frozenset({".safetensors", ".bin", ".pt", ".pth"})
_WRAPPERS = ("teacher", "state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "backbone.")
_WHOLE_NUMBERS = ("position_ids", "token_type_ids", "relative_position_index")
"""Names of position tensors: these and counts (single numbers) are not in floating point."""
_LARGEST_SHARE = 0.7
"""Of the free memory: the rest is for activations and for the slide."""
_MAX_WRAPPERS = 4
_BEGIN_BYTES = 64
_ARCHIVE, _PICKLE = b"PK\x03\x04", b"\x80"


class CheckpointError(EncoderError):
    """A file of weights that cannot be used: which, why, what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


def model_folder(path: Path) -> Path:
    """The folder that holds a model's files: ``path`` itself, or the one snapshot in a Hugging Face cache
    folder.

    Raises CheckpointError where there is no such folder, or several snapshots.
    """
    if not path.is_dir():
        raise CheckpointError(path, strings.NO_FOLDER if not path.exists() else strings.NOT_A_FOLDER)
    snapshots = path / "snapshots"
    if not snapshots.is_dir():
        return path
    found = sorted(entry for entry in snapshots.iterdir() if entry.is_dir())
    if len(found) != 1:
        raise CheckpointError(path, strings.SNAPSHOTS.format(count=len(found)))
    return found[0]


def weights_file(folder: Path) -> Path:
    """The file of weights in a model's folder: a usual name, or the only .safetensors, .bin, .pt or .pth
    there.

    Raises CheckpointError where there is none, or several candidates.
    """
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    found = _weights_in(folder)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(entry.name for entry in found[:5])
        raise CheckpointError(folder, strings.SEVERAL_WEIGHTS.format(names=names))
    raise CheckpointError(folder, strings.NO_WEIGHTS.format(names=", ".join(WEIGHT_FILES)))


def weights_files(folder: Path) -> list[Path]:
    """All files of weights in a model's folder. Raises CheckpointError where there are none."""
    try:
        found = _weights_in(folder)
    except OSError as error:
        raise CheckpointError(folder, strings.UNREADABLE.format(reason=error.strerror)) from error
    if not found:
        endings = ", ".join(sorted(WEIGHT_SUFFIXES))
        raise CheckpointError(folder, strings.NO_WEIGHT_FILES.format(endings=endings))
    return found


def _weights_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix in WEIGHT_SUFFIXES and path.is_file())


def read_tensors(path: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """All tensors of a file by name, on the CPU, wrappers and training prefixes taken off.

    ``sha256`` is checked where given. Raises CheckpointError: no permission, damaged, other content than
    tensors, too large for the memory, values that are not finite.
    """
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise CheckpointError(path, strings.UNREADABLE.format(reason=error.strerror)) from error
    free_bytes = psutil.virtual_memory().available
    if size_bytes > free_bytes * _LARGEST_SHARE:
        raise CheckpointError(
            path, strings.TOO_LARGE.format(size_gb=size_bytes / 1e9, free_gb=free_bytes / 1e9)
        )
    if sha256 is not None and sha256_of(path) != sha256.lower():
        raise CheckpointError(path, strings.WRONG_SHA256)
    tensors = _named_tensors(
        path, _read_safetensors(path) if path.suffix == ".safetensors" else unpickled(path)
    )
    for name, tensor in tensors.items():
        if not is_plain(tensor):
            raise CheckpointError(path, strings.TENSOR_KIND.format(name=name))
        if tensor.ndim and not tensor.is_floating_point() and not name.endswith(_WHOLE_NUMBERS):
            dtype = str(tensor.dtype).removeprefix("torch.")
            raise CheckpointError(path, strings.QUANTISED.format(name=name, dtype=dtype))
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > 2 * size_bytes:
        raise CheckpointError(path, strings.FEWER_VALUES)
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise CheckpointError(path, strings.INVALID_VALUES.format(name=name))
    return tensors


def sha256_of(path: Path) -> str:
    """The digest of a file, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise CheckpointError(path, strings.EXTRA_NEEDED) from error
    try:
        _check_begin(path)
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(path, strings.NOT_SAFETENSORS.format(error=first_line(error))) from error


def unpickled(path: Path) -> Any:
    """The content of a file by torch's restricted unpickler: tensors, plain containers, training options."""
    import torch

    try:
        begin = _check_begin(path)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
                if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                    raise CheckpointError(path, strings.COMPRESSED)
                if sum(entry.file_size for entry in entries) > path.stat().st_size:
                    raise CheckpointError(path, strings.OVERLAPPING_PARTS)
        elif begin.startswith(_ARCHIVE):
            raise CheckpointError(path, strings.CUT_SHORT)
        elif not begin.startswith(_PICKLE):
            raise CheckpointError(path, strings.NOT_TORCH.format(begin=begin[:8]))
        if _names_bytearray(path):
            raise CheckpointError(path, strings.MORE_THAN_TENSORS)
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # warnings about pickle protocols; errors are raised
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(path, strings.CAN_RUN_CODE) from error
    except zipfile.BadZipFile as error:
        raise CheckpointError(path, strings.INCOMPLETE.format(error=first_line(error))) from error
    except OSError as error:
        raise CheckpointError(
            path, strings.UNREADABLE.format(reason=error.strerror or first_line(error))
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(path, strings.INCOMPLETE.format(error=first_line(error))) from error


def _check_begin(path: Path) -> bytes:
    """The first bytes. Raises OSError, and CheckpointError for what is often downloaded by mistake."""
    with path.open("rb") as file:
        begin = file.read(_BEGIN_BYTES)
    if not begin:
        raise CheckpointError(path, strings.EMPTY)
    if begin.startswith(b"version https://git-lfs"):
        raise CheckpointError(path, strings.GIT_LFS)
    if begin.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise CheckpointError(path, strings.WEB_PAGE)
    return begin


def _names_bytearray(path: Path) -> bool:
    """Whether a pickle names bytearray: torch allows it, and a few digits make it allocate any size."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"bytearray\n") >= 0


def is_plain(tensor: Tensor) -> bool:
    """Whether its values are dense, in CPU memory, and of a type that torch computes with."""
    import torch

    kinds = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
    computable = tensor.dtype in kinds or not (tensor.is_floating_point() or tensor.is_quantized)
    return tensor.layout is torch.strided and tensor.device.type == "cpu" and computable


def _named_tensors(path: Path, content: Any) -> dict[str, Tensor]:
    import torch

    for _ in range(_MAX_WRAPPERS):
        inner = next(
            (content[key] for key in _WRAPPERS if isinstance(content, dict) and key in content), None
        )
        if not isinstance(inner, dict):
            break
        content = inner
    if not isinstance(content, dict):
        raise CheckpointError(path, strings.NO_TABLE)
    tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise CheckpointError(path, strings.NO_TABLE)
    return {_without_prefixes(name): tensor.detach() for name, tensor in tensors.items()}


def _without_prefixes(name: str) -> str:
    while any(name.startswith(prefix) for prefix in _PREFIXES):
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
    return name


_BLOCK = re.compile(r"^(?:model\.)?blocks\.(\d{1,4})\.")

_KIND_OF_KEYS = (
    (
        r"^(?:visual\.(?:trunk|transformer|conv1|blocks)\b|vision_model\.)",
        strings.VISION_LANGUAGE,
    ),
    (r"^(?:bert\.)?embeddings\.word_embeddings\.", strings.LANGUAGE_MODEL),
    (r"^encoder\.layers\.\d+\.self_attn\.inner_attn_ln\.", strings.GIGAPATH_SLIDE),
    (r"^(?:conv1\.weight$|layer1\.0\.conv1\.)", strings.RESNET),
    (r"^features\.0\.\d+\.", strings.CONVOLUTIONAL),
)


def kind_of_model(tensors: Mapping[str, Tensor]) -> str | None:
    """The kind of model that ``tensors`` are of, as text, if it encodes patches, regions or text; else
    None."""
    blocks = [int(match[1]) for match in map(_BLOCK.match, tensors) if match]
    width = next((t.shape[-1] for n, t in tensors.items() if n.endswith("cls_token") and t.ndim), None)
    if blocks and width is not None:
        regions = any(name.removeprefix("model.") == "phi.0.weight" for name in tensors)
        template = strings.REGION_ENCODER if regions else strings.PATCH_ENCODER
        return template.format(width=width, blocks=max(blocks) + 1)
    return next((kind for keys, kind in _KIND_OF_KEYS if any(re.match(keys, name) for name in tensors)), None)
