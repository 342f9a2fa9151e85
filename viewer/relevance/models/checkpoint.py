"""Reading weights from a file or folder of a stranger: safetensors, or pickles of tensors and nothing else.

Never runs code from the file, never reaches for the network, never takes a part for the whole. Whatever is
wrong is said with the name of the file.
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
_ENDINGS = frozenset({".safetensors", ".bin", ".pt", ".pth"})
_WRAPPERS = ("teacher", "state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "backbone.")
_WHOLE_NUMBERS = ("position_ids", "token_type_ids", "relative_position_index")
"""What places are called in models: they and counts, single numbers, are not in floating point."""
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
        raise CheckpointError(
            path, "there is no such folder" if not path.exists() else "this is not a folder"
        )
    snapshots = path / "snapshots"
    if not snapshots.is_dir():
        return path
    found = sorted(entry for entry in snapshots.iterdir() if entry.is_dir())
    if len(found) != 1:
        raise CheckpointError(path, f"it holds {len(found)} snapshots of the model; name the folder of one")
    return found[0]


def weights_file(folder: Path) -> Path:
    """The file of weights in a model's folder: a usual name, or the only .safetensors, .bin, .pt or .pth
    there.

    Raises CheckpointError where there is none, or no telling which.
    """
    for name in WEIGHT_FILES:
        if (folder / name).is_file():
            return folder / name
    found = sorted(entry for entry in folder.iterdir() if entry.suffix in _ENDINGS and entry.is_file())
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(entry.name for entry in found[:5])
        raise CheckpointError(folder, f"several files may hold the weights ({names}); leave one")
    raise CheckpointError(
        folder, f"it holds no weights: {', '.join(WEIGHT_FILES)}, or one .safetensors or .pt file"
    )


def weights_files(folder: Path) -> list[Path]:
    """All files of weights in a model's folder. Raises CheckpointError where there are none."""
    try:
        found = sorted(entry for entry in folder.iterdir() if entry.suffix in _ENDINGS and entry.is_file())
    except OSError as error:
        raise CheckpointError(folder, f"it cannot be read: {error.strerror}") from error
    if not found:
        endings = ", ".join(sorted(_ENDINGS))
        raise CheckpointError(folder, f"it holds no weights: no file that ends in {endings}")
    return found


def read_tensors(path: Path, *, sha256: str | None = None) -> dict[str, Tensor]:
    """All tensors of a file by name, on the CPU, wrappers and training prefixes taken off.

    ``sha256`` is checked where given. Raises CheckpointError: no permission, damaged, other content than
    tensors, too large for the memory, values that are not numbers.
    """
    try:
        size_bytes = path.stat().st_size
    except OSError as error:
        raise CheckpointError(path, f"it cannot be read: {error.strerror}") from error
    free_bytes = psutil.virtual_memory().available
    if size_bytes > free_bytes * _LARGEST_SHARE:
        raise CheckpointError(
            path,
            f"its {size_bytes / 1e9:.1f} GB do not fit the {free_bytes / 1e9:.1f} GB of memory that are free",
        )
    if sha256 is not None and _sha256(path) != sha256.lower():
        raise CheckpointError(path, "its content is not the one expected (SHA-256 differs); fetch it again")
    tensors = _named_tensors(
        path, _read_safetensors(path) if path.suffix == ".safetensors" else unpickled(path)
    )
    for name, tensor in tensors.items():
        if not is_plain(tensor):
            raise CheckpointError(path, f"{name} is of a kind that is not read here; ask for plain weights")
        if tensor.ndim and not tensor.is_floating_point() and not name.endswith(_WHOLE_NUMBERS):
            kind = str(tensor.dtype).removeprefix("torch.")
            raise CheckpointError(path, f"{name} is of {kind}: quantised weights are not read")
    if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > 2 * size_bytes:
        raise CheckpointError(path, "it claims more values than it holds; it is damaged or made to do harm")
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise CheckpointError(path, f"{name} holds values that are not numbers; the file is damaged")
    return tensors


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_safetensors(path: Path) -> Any:
    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ImportError as error:
        raise CheckpointError(
            path, "reading it needs the extra 'models': pip install 'foveola[models]'"
        ) from error
    try:
        _check_begin(path)
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(path, f"it is no whole safetensors file ({_first_line(error)})") from error


def unpickled(path: Path) -> Any:
    """What torch's restricted unpickler makes of a file: tensors, plain containers, options of a training."""
    import torch

    try:
        begin = _check_begin(path)
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                entries = archive.infolist()
                if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                    raise CheckpointError(
                        path, "its content is compressed, which torch never does; it was not opened"
                    )
                if sum(entry.file_size for entry in entries) > path.stat().st_size:
                    raise CheckpointError(path, "its parts lie over each other; it was not opened")
        elif begin.startswith(_ARCHIVE):
            raise CheckpointError(path, "its end is missing: fetch it again, or copy it again")
        elif not begin.startswith(_PICKLE):
            raise CheckpointError(path, f"it is no file of torch: none begins with {begin[:8]!r}")
        if _makes_blocks(path):
            raise CheckpointError(path, "it holds more than tensors and was not opened. Ask for safetensors")
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch wonders about pickle protocols; what matters is raised
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            path,
            "it holds more than tensors and was not opened: such a file can run code. Ask for safetensors",
        ) from error
    except zipfile.BadZipFile as error:
        raise CheckpointError(path, f"it is no whole file of weights ({_first_line(error)})") from error
    except OSError as error:
        raise CheckpointError(path, f"it cannot be read: {error.strerror or _first_line(error)}") from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError(path, f"it is no whole file of weights ({_first_line(error)})") from error


def _check_begin(path: Path) -> bytes:
    """The first bytes. Raises CheckpointError, OSError for what is usually fetched in place of weights."""
    with path.open("rb") as file:
        begin = file.read(_BEGIN_BYTES)
    if not begin:
        raise CheckpointError(path, "it is empty; fetch it again")
    if begin.startswith(b"version https://git-lfs"):
        raise CheckpointError(path, "it is a pointer of Git LFS, not the file: fetch that with git lfs pull")
    if begin.lstrip().lower().startswith((b"<!doctype", b"<html")):
        raise CheckpointError(path, "it is a web page, not the file: fetch that again, signed in if need be")
    return begin


def _makes_blocks(path: Path) -> bool:
    """Whether a pickle names bytearray: torch lets it, and it makes as many bytes as a few digits say."""
    with path.open("rb") as file:
        if not path.stat().st_size:
            return False
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return content.find(b"bytearray\n") >= 0


def is_plain(tensor: Tensor) -> bool:
    """Whether its values are in memory, one after the other, in numbers that torch computes with."""
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
        raise CheckpointError(path, "it holds no table of weights")
    tensors = {str(name): value for name, value in content.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise CheckpointError(path, "it holds no table of weights")
    return {_without_prefixes(name): tensor.detach() for name, tensor in tensors.items()}


def _without_prefixes(name: str) -> str:
    while any(name.startswith(prefix) for prefix in _PREFIXES):
        for prefix in _PREFIXES:
            name = name.removeprefix(prefix)
    return name


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


_BLOCK = re.compile(r"^(?:model\.)?blocks\.(\d{1,4})\.")

_SIGNS = (
    (
        r"^(?:visual\.(?:trunk|transformer|conv1|blocks)\b|vision_model\.)",
        "a vision–language model (CLIP, CONCH or KEEP), which encodes patches and words",
    ),
    (r"^(?:bert\.)?embeddings\.word_embeddings\.", "a language model (BERT), which encodes words"),
    (r"^encoder\.layers\.\d+\.self_attn\.inner_attn_ln\.", "GigaPath's slide encoder (LongNet)"),
    (r"^(?:conv1\.weight$|layer1\.0\.conv1\.)", "a convolutional network (ResNet), which encodes patches"),
    (r"^features\.0\.\d+\.", "a convolutional network, which encodes patches"),
)


def what_it_is(tensors: Mapping[str, Tensor]) -> str | None:
    """The kind of model that ``tensors`` belong to, if it is one of patches, regions or words; else None."""
    blocks = [int(match[1]) for match in map(_BLOCK.match, tensors) if match]
    width = next((t.shape[-1] for n, t in tensors.items() if n.endswith("cls_token") and t.ndim), None)
    if blocks and width is not None:
        size = f"of width {width} with {max(blocks) + 1} blocks"
        if any(name.removeprefix("model.") == "phi.0.weight" for name in tensors):
            return f"a region encoder (HIPT's ViT-4K) {size}"
        return f"a vision transformer {size}, which encodes patches"
    return next((words for sign, words in _SIGNS if any(re.match(sign, name) for name in tensors)), None)
