"""HiptEncoder: HIPT, or another DINO ViT, as an encoder that says where it looks at every level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from viewer.relevance.attention import PATCHES
from viewer.relevance.checkpoint import model_folder
from viewer.relevance.encoders import EncoderError, EncoderMemoryError, UnsupportedTermError
from viewer.relevance.hipt import PATCH_PX, TOKEN_PX, load_hipt, normalised
from viewer.relevance.magnification import resampled
from viewer.view.hierarchy import PATCHES_A_SIDE, TOKENS_A_SIDE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from viewer.relevance.encoders import EncoderCard, ModelEntry, Reason
    from viewer.relevance.hipt import Hipt
    from viewer.relevance.query import Term
    from viewer.relevance.vit import VisionTransformer
    from viewer.slide.source import Source
    from viewer.slide.tissue import TissueMask

_BATCH = {"cpu": 4, "cuda": 256}
"""Patches: as many as keep the device busy."""


class HiptEncoder:
    """See ``Encoder``, ``Attending`` and ``Magnifying``."""

    def __init__(self, card: EncoderCard, hipt: Hipt, statistics: str = "half") -> None:
        self.card = card
        self._hipt = hipt
        self._statistics = statistics
        self._device = "cpu"
        self._glass: torch.Tensor | None = None

    @staticmethod
    def load(entry: ModelEntry) -> HiptEncoder:
        """Read a model's folder. Raises CheckpointError: what is wrong with which file."""
        hipt, named = load_hipt(model_folder(entry.folder)), entry.card.attention_heads
        heads = hipt.heads(named or (1, 1))
        if heads != named:
            found = list(heads)
            raise EncoderError(
                f"{entry.folder}: its heads are {found} (for tokens, for patches), and {list(named or ())} are "
                f"expected; an entry in models.toml with heads = {found} tells of others"
            )
        return HiptEncoder(entry.card, hipt, entry.statistics)

    @property
    def heads(self) -> tuple[int, int]:
        """See ``Attending``."""
        return self.card.attention_heads or (1, 1)

    @property
    def patch_level(self) -> VisionTransformer:
        """The network of patches."""
        return self._hipt.patch

    @property
    def batch(self) -> int:
        """How many patches go through it at once."""
        return _BATCH[self._device]

    def use(self, device: str) -> None:
        """See ``Encoder.use``."""
        try:
            self._hipt.patch.to(device)
            if self._hipt.region is not None:
                self._hipt.region.to(device)
        except torch.OutOfMemoryError as error:
            raise EncoderMemoryError(f"{self.card.title}: its weights do not fit {device}") from error
        self._device = device

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """See ``Encoder.calibrate``: nothing of the slide; which levels there are is said."""
        return {"notes": list(self._hipt.notes)}

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """See ``Encoder.encode``: the class tokens of patches."""
        return self.attend(block, calibration)[0]

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """Raises UnsupportedTermError, always: it knows no words."""
        raise UnsupportedTermError(f"{self.card.title} knows no words; it shows where it looks")

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """Such a model's features have no names: ()."""
        return ()

    def attend(
        self, block: NDArray[np.uint8], calibration: Mapping[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``Attending.attend``: features and attention of one pass."""
        return self.attend_at(block, TOKENS_A_SIDE)

    @torch.inference_mode()
    def attend_at(
        self, block: NDArray[np.uint8], side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``Magnifying.attend_at``."""
        size = side * TOKEN_PX
        rows, cols = block.shape[0] // size, block.shape[1] // size
        patches = block.reshape(rows, size, cols, size, 3).swapaxes(1, 2)
        patches = np.ascontiguousarray(patches.reshape(rows * cols, size, size, 3))
        features, attention = [], []
        try:
            for images in torch.from_numpy(patches).split(self.batch):
                with torch.autocast(self._device, torch.bfloat16, enabled=self._device != "cpu"):
                    one, seen = self._hipt.patch.attend(normalised(images.to(self._device), self._statistics))
                features.append(one.float().cpu())
                attention.append(seen.float().cpu())
        except torch.OutOfMemoryError as error:
            raise EncoderMemoryError(f"{self.card.title}: the memory of {self._device} is full") from error
        tokens = resampled((torch.cat(attention) * side**2).numpy(), side)
        return (
            torch.cat(features).reshape(rows, cols, -1).numpy(),
            tokens.reshape(rows, cols, *tokens.shape[1:]),
        )

    @torch.inference_mode()
    def attend_regions(
        self, features: NDArray[np.float32], tissue: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``Attending.attend_regions``. Glass is white, as the model's authors fill what is missing, and
        so is a patch whose features are not numbers."""
        region = self._hipt.region
        usable: NDArray[np.bool_] = np.asarray(np.isfinite(features).all(axis=-1))
        if region is None:
            even = np.where(usable, tissue.astype(np.float32), np.float32(np.nan))
            return np.repeat(even[:, None], self.heads[1], axis=1), np.zeros((len(features), 1), np.float32)
        if self._glass is None:
            white = np.full((PATCH_PX, PATCH_PX, 3), 255, np.uint8)
            self._glass = torch.from_numpy(self.attend(white, {})[0][0, 0])
        known = torch.from_numpy(tissue & usable)[..., None]
        given = torch.where(known, torch.from_numpy(features), self._glass).to(self._device)
        found, attention = region.attend(given)
        relative = (attention.float().cpu() * PATCHES).unflatten(-1, (PATCHES_A_SIDE, PATCHES_A_SIDE)).numpy()
        return np.where(usable[:, None], relative, np.float32(np.nan)), found.float().cpu().numpy()

    def attend_slide(self, regions: NDArray[np.float32]) -> NDArray[np.float32]:
        """See ``Attending.attend_slide``."""
        if self._hipt.slide is None:
            return np.ones(len(regions), np.float32)
        cells = torch.stack([torch.zeros(len(regions)), torch.arange(len(regions))], dim=1).long()
        attention = self._hipt.slide.read(torch.from_numpy(regions), cells).attention
        return (attention.mean(0) * len(regions)).numpy()


assert PATCH_PX == TOKEN_PX * TOKENS_A_SIDE
