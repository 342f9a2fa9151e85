"""Text to the token ids that a model was trained with, by the tokenizer files in its folder.

Uses the ``tokenizers`` package (extra "models"); nothing is downloaded.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viewer.relevance.models import strings
from viewer.relevance.models.checkpoint import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from torch import Tensor

CLIP_PATTERN = r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
_CLIP_START, _CLIP_END = "<|startoftext|>", "<|endoftext|>"
_TOKENIZER_FILES = ("tokenizer.json", "conch_byte_level_bpe_uncased.json")
_MAX_FILE_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Texts to token ids of one length, padded with ``padding_id``."""

    engine: Any
    length: int
    padding_id: int

    def __call__(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Token ids (n, length) int64, and (n, length) bool: True except for padding."""
        import torch

        encoded = self.engine.encode_batch(list(texts))
        ids = torch.tensor([line.ids for line in encoded], dtype=torch.int64)
        present = torch.tensor([line.attention_mask for line in encoded], dtype=torch.bool)
        return ids, present


def load_tokenizer(folder: Path, architecture: str, *, positions: int) -> Tokenizer:
    """The tokenizer of a model's folder, cut and padded to what its text tower takes.

    CLIP: ``tokenizer.json`` or ``vocab.json`` with ``merges.txt``. KEEP: ``tokenizer.json`` or ``vocab.txt``.
    CONCH: its own JSON file. Raises CheckpointError where the files are missing or damaged, or the package
    is.
    """
    try:
        import tokenizers
    except ImportError as error:
        raise CheckpointError(folder, strings.EXTRA_NEEDED) from error
    try:
        engine = _from_json(folder)
        if engine is None and architecture in _FROM_OTHER_FILES:
            engine = _FROM_OTHER_FILES[architecture](folder)
    except CheckpointError:
        raise
    except Exception as error:  # the package raises bare Exception for parser errors
        raise CheckpointError(folder, strings.TOKENIZER_UNREADABLE.format(error=error)) from error
    if engine is None:
        raise CheckpointError(
            folder, strings.NO_TOKENIZER.format(files=strings.TOKENIZER_FILES[architecture])
        )
    assert isinstance(engine, tokenizers.Tokenizer)
    # CONCH keeps the last place for the class token that its text tower appends.
    length = positions - 1 if architecture == "conch" else min(positions, 256)
    padding = {"clip": _CLIP_END, "keep": "[PAD]", "conch": "<pad>"}[architecture]
    padding_id = engine.token_to_id(padding)
    if padding_id is None:
        raise CheckpointError(folder, strings.WRONG_TOKENIZER.format(token=padding))
    engine.enable_truncation(length)
    engine.enable_padding(length=length, pad_id=padding_id, pad_token=padding)
    return Tokenizer(engine, length, padding_id)


def _read(path: Path) -> str:
    if path.stat().st_size > _MAX_FILE_BYTES:
        raise CheckpointError(path, strings.TOKENIZER_TOO_LARGE)
    return path.read_text(encoding="utf-8")


def _from_json(folder: Path) -> Any:
    from tokenizers import Tokenizer as Engine

    for name in _TOKENIZER_FILES:
        if (folder / name).is_file():
            return Engine.from_str(_read(folder / name))
    return None


def _clip(folder: Path) -> Any:
    """OpenAI's byte-level BPE: lower case, words end in </w>, start and end of text marked."""
    from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors
    from tokenizers import Tokenizer as Engine

    if not ((folder / "vocab.json").is_file() and (folder / "merges.txt").is_file()):
        return None
    vocabulary = json.loads(_read(folder / "vocab.json"))
    lines = _read(folder / "merges.txt").splitlines()
    pairs = [line.split() for line in lines if line and not line.startswith("#version")]
    engine = Engine(
        models.BPE(
            vocab=vocabulary,
            merges=[(first, second) for first, second in pairs],
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
            fuse_unk=False,
            unk_token=_CLIP_END,
        )
    )
    engine.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    engine.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CLIP_PATTERN), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    engine.decoder = decoders.ByteLevel()
    engine.post_processor = processors.TemplateProcessing(
        single=f"{_CLIP_START} $A {_CLIP_END}",
        special_tokens=[(mark, vocabulary[mark]) for mark in (_CLIP_START, _CLIP_END)],
    )
    return engine


def _word_piece(folder: Path) -> Any:
    """BERT's: lower case, [CLS] before and [SEP] behind."""
    from tokenizers import BertWordPieceTokenizer
    from tokenizers import Tokenizer as Engine

    if not (folder / "vocab.txt").is_file():
        return None
    words = {word: number for number, word in enumerate(_read(folder / "vocab.txt").splitlines())}
    return Engine.from_str(BertWordPieceTokenizer(words, lowercase=True).to_str())


_FROM_OTHER_FILES = {"clip": _clip, "keep": _word_piece}
