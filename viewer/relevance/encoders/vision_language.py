"""VisionLanguageEncoder: patches and terms in the space of a vision–language model, as an encoder.

A term is put into prompts, and a patch is scored by how much more it is like the term than like tissue in
general (neutral prompts). Negation never reaches the model: such models do not understand it (Alhamoud et
al., 2025); the query's tree does that with scores.
"""

from __future__ import annotations

import json
import tomllib
from copy import deepcopy
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from viewer.common.errors import UnsupportedTermError
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.device_errors import device_errors
from viewer.relevance.models.checkpoint import CheckpointError, model_folder, read_tensors, weights_file
from viewer.relevance.models.clip import BuildFacts, TileTextModel, build_model
from viewer.relevance.models.normalisation import STATISTICS
from viewer.relevance.models.tokenizer import Tokenizer, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from viewer.relevance.encoders.card import EncoderCard, ModelEntry, Reason
    from viewer.relevance.query.tree import Term
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask

SHARPEST_SCALE = 20.0
"""A model's own logit scale (up to 100) is for choosing among captions; as a score it saturates."""
SAME_MEANING = 0.9
"""Cosine above which a neutral prompt means the same as the term."""
_BATCH = 16
_CONFIG_FILES = ("config.json", "open_clip_config.json")
_MAX_CONFIG_BYTES = 1_000_000


class VisionLanguageEncoder:
    """An ``Encoder`` over a model from a folder. The model's square may be larger than the patch."""

    def __init__(
        self, card: EncoderCard, model: TileTextModel, tokenizer: Tokenizer, statistics: str
    ) -> None:
        self.card = card
        self._loaded = self._model = model
        self._tokenizer = tokenizer
        mean, deviation = STATISTICS[statistics]
        self._mean = torch.tensor(mean).view(1, 3, 1, 1) * 255
        self._deviation = torch.tensor(deviation).view(1, 3, 1, 1) * 255
        self._device = "cpu"
        self._scale = min(float(model.logit_scale.exp()), SHARPEST_SCALE)
        self._likeness = lru_cache(maxsize=256)(self._term_and_neutral)

    @staticmethod
    def load(entry: ModelEntry) -> VisionLanguageEncoder:
        """Read a model's folder. Raises EncoderError, CheckpointError for a damaged file."""
        folder = model_folder(entry.folder)
        tensors = read_tensors(weights_file(folder), sha256=entry.sha256)
        model = build_model(entry.architecture, tensors, BuildFacts.from_config(_config(folder)))
        tokenizer = load_tokenizer(folder, entry.architecture, positions=model.positions)
        return VisionLanguageEncoder(entry.card, model, tokenizer, entry.statistics)

    def use(self, device: str) -> None:
        """See ``Encoder.use``."""
        with device_errors(self.card.title, device):
            # A copy: the weights on a lost card are lost.
            model = deepcopy(self._loaded) if device != "cpu" else self._loaded
            model.to(device)
        self._model = model
        self._device = device
        self._mean, self._deviation = self._mean.to(device), self._deviation.to(device)
        self._likeness.cache_clear()

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """{}: no facts are needed."""
        return {}

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """See ``Encoder.encode``: unit vectors, float32."""
        side, margin = self.card.patch_px, self.card.margin_px
        rows, columns = ((length - 2 * margin) // side for length in block.shape[:2])
        pixels = torch.from_numpy(np.ascontiguousarray(block)).permute(2, 0, 1)
        fields = pixels.unfold(1, side + 2 * margin, side).unfold(2, side + 2 * margin, side)
        fields = fields.permute(1, 2, 0, 3, 4).flatten(0, 1)
        with device_errors(self.card.title, self._device):
            vectors = [
                self._images(fields[first : first + _BATCH]) for first in range(0, len(fields), _BATCH)
            ]
        return torch.cat(vectors).view(rows, columns, -1).numpy()

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """See ``Encoder.score``: σ(τ (cos(patch, term) − soft maximum of cos(patch, neutral prompts)))."""
        vector, neutral = self._likeness(term.text)
        vectors = torch.tensor(features)  # a copy: the store's are read-only
        to_neutral = torch.logsumexp(vectors @ neutral.T * self._scale, dim=1) - np.log(len(neutral))
        return torch.sigmoid(vectors @ vector * self._scale - to_neutral).numpy()

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """(): the features have no names."""
        return ()

    @torch.inference_mode()
    def _images(self, fields: Tensor) -> Tensor:
        pixels = fields.to(self._device).float()
        if pixels.shape[-1] != self._model.image_px:
            size = (self._model.image_px, self._model.image_px)
            pixels = functional.interpolate(pixels, size, mode="bicubic", antialias=True).clamp(0, 255)
        return self._model.images((pixels - self._mean) / self._deviation).cpu()

    @torch.inference_mode()
    def _texts(self, texts: Sequence[str]) -> Tensor:
        ids, present = self._tokenizer(texts)
        return self._model.texts(ids.to(self._device), present.to(self._device)).cpu()

    def _term_and_neutral(self, text: str) -> tuple[Tensor, Tensor]:
        """The term's mean vector (width,), and those (n, width) of the neutral prompts of other meaning."""
        prompts = _prompts()
        if not text.strip():
            raise UnsupportedTermError(strings.EMPTY_TERM.format(title=self.card.title))
        sentences = self._texts([template.format(text) for template in prompts["templates"]])
        vector = functional.normalize(sentences.mean(dim=0), dim=0)
        neutral = self._texts(prompts["neutral"])
        different = neutral[neutral @ vector < SAME_MEANING]
        return vector, different if len(different) else neutral


@lru_cache(maxsize=1)
def _prompts() -> dict[str, list[str]]:
    text = resources.files("resources").joinpath("prompts.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _config(folder: Path) -> dict[str, Any]:
    """The model's own description, {} where it has none. Raises CheckpointError for a damaged one."""
    for name in _CONFIG_FILES:
        path = folder / name
        if not path.is_file():
            continue
        try:
            if path.stat().st_size > _MAX_CONFIG_BYTES:
                raise CheckpointError(path, strings.CONFIG_TOO_LARGE)
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(path, strings.WEIGHTS_UNREADABLE.format(error=error)) from error
        if not isinstance(config, dict):
            raise CheckpointError(path, strings.NO_CONFIG)
        return config
    return {}
