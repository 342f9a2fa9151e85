"""HiptEncoder: HIPT, or another DINO ViT, as an encoder with attention at every level."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from viewer.common.errors import EncoderError, UnsupportedTermError
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.device_errors import device_errors
from viewer.relevance.encoders.token_budget import SIDES, resampled
from viewer.relevance.models.batching import batch_for, in_batches
from viewer.relevance.models.checkpoint import model_folder
from viewer.relevance.models.hipt import PATCH_PX, TOKEN_PX, RegionTransformer, load_hipt, normalised
from viewer.relevance.models.precision import LEAST_COSINE, agreement, dtype_name, fast_dtype, probe_patches
from viewer.relevance.models.vit import VisionTransformer
from viewer.relevance.patches.attention_codes import PATCHES, PATCHES_A_SIDE, TOKENS_A_SIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import EncoderCard, ModelEntry, Reason
    from viewer.relevance.models.hipt import Hipt
    from viewer.relevance.query.tree import Term
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask

Network = TypeVar("Network", VisionTransformer, RegionTransformer | None)


class HiptEncoder:
    """See ``Encoder``, ``Attending`` and ``Magnifying``.

    Computes in less than float32 where that is faster and accurate enough (``precision``); features of both
    precisions lie in one store. ``patch_level``: the network of patches on the device in use, of itself in
    float32; ``batch``: how many patches go through it at once, in the precision ``dtype``.
    """

    def __init__(self, card: EncoderCard, hipt: Hipt, statistics: str = "half") -> None:
        self.card = card
        self._hipt = hipt
        self._statistics = statistics
        self._glass: torch.Tensor | None = None
        self.use("cpu")

    @staticmethod
    def load(entry: ModelEntry) -> HiptEncoder:
        """Read a model's folder. Raises EncoderError, CheckpointError for a damaged file."""
        hipt, named = load_hipt(model_folder(entry.folder)), entry.card.attention_heads
        heads = hipt.heads(named or (1, 1))
        if heads != named:
            raise EncoderError(
                strings.OTHER_HEADS.format(folder=entry.folder, found=list(heads), expected=list(named or ()))
            )
        return HiptEncoder(entry.card, hipt, entry.statistics)

    @property
    def heads(self) -> tuple[int, int]:
        """How many there are for tokens and for patches."""
        return self.card.attention_heads or (1, 1)

    @property
    def levels(self) -> tuple[str, ...]:
        """See ``Attending``: those that the folder holds."""
        held = {"region": self._hipt.slide, "patch": self._hipt.region, "token": self._hipt.patch}
        return tuple(level for level, network in held.items() if network is not None)

    @property
    def has_regions(self) -> bool:
        """Whether it compares the patches of a region with each other."""
        return self._hipt.region is not None

    def use(self, device: str) -> None:
        """See ``Encoder.use``."""
        with device_errors(self.card.title, device):
            self.patch_level, self._region = _on(device, self._hipt.patch), _on(device, self._hipt.region)
            self._compiled: Callable[..., tuple[torch.Tensor, ...]] | None = None
            self._device = device
            self.batch = batch_for(device, _patch_bytes(self.patch_level))
            self._settle_precision()

    def compile(self) -> None:
        """Compile the network with torch for the device in use, on a card into CUDA graphs, at its next
        use: seconds to minutes, and again for every other count and size of patches."""
        mode = "default" if self._device == "cpu" else "reduce-overhead"
        network = torch.compile(self.patch_level.attend, mode=mode)
        # The next run of a CUDA graph overwrites its results.
        self._compiled = lambda images, dtype: tuple(one.clone() for one in network(images, dtype))

    def _settle_precision(self) -> None:
        self.dtype, self._agreement = fast_dtype(self._device), 1.0
        if self.dtype == torch.float32:
            return
        images = torch.from_numpy(probe_patches(PATCH_PX)).to(self._device)
        self._agreement = agreement(lambda dtype: self._attend(images, dtype), self.dtype)
        if not self._agreement >= LEAST_COSINE:
            self.dtype = torch.float32

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """See ``Encoder.calibrate``: notes on the levels of the model, and on its precision."""
        notes = list(self._hipt.notes)
        if self.dtype != torch.float32:
            notes.append(strings.LESS_PRECISE.format(dtype=dtype_name(self.dtype), cosine=self._agreement))
        return {"notes": notes}

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """See ``Encoder.encode``: the class tokens of patches."""
        return self.attend(block, calibration)[0]

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """Raises UnsupportedTermError, always."""
        raise UnsupportedTermError(strings.NO_TEXT_QUERIES.format(title=self.card.title))

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """(): the features have no names."""
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
        patches = torch.from_numpy(block).view(rows, size, cols, size, 3).transpose(1, 2)
        with device_errors(self.card.title, self._device):
            features, attention = in_batches(
                lambda images: self._attend(images, self.dtype),
                [patch for row in patches for patch in row],
                device=self._device,
                batch=self.batch,
            )
        tokens = resampled((attention * side**2).numpy(), side)
        return (
            features.reshape(rows, cols, -1).numpy(),
            tokens.reshape(rows, cols, *tokens.shape[1:]),
        )

    @torch.inference_mode()
    def attend_regions(
        self, features: NDArray[np.float32], tissue: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``Attending.attend_regions``. Glass is white, as the model's authors fill gaps, and so is a
        patch whose features are not finite."""
        usable: NDArray[np.bool_] = np.asarray(np.isfinite(features).all(axis=-1))
        if self._region is None:
            even = np.where(usable, tissue.astype(np.float32), np.float32(np.nan))
            return np.repeat(even[:, None], self.heads[1], axis=1), np.zeros((len(features), 1), np.float32)
        if self._glass is None:
            white = np.full((PATCH_PX, PATCH_PX, 3), 255, np.uint8)
            self._glass = torch.from_numpy(self.attend(white, {})[0][0, 0])
        known = torch.from_numpy(tissue & usable)[..., None]
        given = torch.where(known, torch.from_numpy(features), self._glass)
        with device_errors(self.card.title, self._device):
            found, attention = (one.cpu() for one in self._region.attend(given.to(self._device)))
        relative = (attention * PATCHES).unflatten(-1, (PATCHES_A_SIDE, PATCHES_A_SIDE)).numpy()
        return np.where(usable[:, None], relative, np.float32(np.nan)), found.numpy()

    def attend_slide(self, regions: NDArray[np.float32]) -> NDArray[np.float32]:
        """See ``Attending.attend_slide``: always on the CPU, as it is quick."""
        if self._hipt.slide is None:
            return np.ones(len(regions), np.float32)
        cells = torch.stack([torch.zeros(len(regions)), torch.arange(len(regions))], dim=1).long()
        attention = self._hipt.slide.read(torch.from_numpy(regions), cells).attention
        return (attention.mean(0) * len(regions)).numpy()

    def _attend(self, images: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, ...]:
        return (self._compiled or self.patch_level.attend)(normalised(images, self._statistics), dtype)


def _on(device: str, network: Network) -> Network:
    """A copy, but on the CPU: the weights on a lost card are lost."""
    return network if network is None or device == "cpu" else deepcopy(network).to(device)


def _patch_bytes(network: VisionTransformer) -> int:
    """The most memory for a patch of the most tokens: of each token the stream, its norm, both
    sides of the MLP, queries, keys and values in float32; of each pixel its colours thrice."""
    tokens, width = max(SIDES) ** 2 + 1, network.pos_embed.shape[-1]
    inner = network.blocks[0].mlp.fc1.out_features
    return 4 * (tokens * (6 * width + 2 * inner) + 9 * (max(SIDES) * TOKEN_PX) ** 2)


assert PATCH_PX == TOKEN_PX * TOKENS_A_SIDE
