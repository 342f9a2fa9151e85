"""Measured saliency: what stands out by its measurements, at the three levels at which a model would attend.

This is not the attention of a model, and never called that: a token stands out by its stain in its patch, a
patch by its measurements in its region, a region on its slide, each weighted by its share of tissue, as glass
and the blank inside of fat differ most. It needs no weights and has the same maps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gpu.compute.stain import patch_means
from viewer.common.errors import UnsupportedTermError
from viewer.relevance.encoders.device_errors import device_errors, processor_on
from viewer.relevance.encoders.measured import strings
from viewer.relevance.encoders.measured.card import INDEX, MEASURED, SALIENCY
from viewer.relevance.encoders.measured.encoder import MeasuredEncoder
from viewer.relevance.encoders.measured.measurements import CLEAR_DENSITY, MARGIN_PX, PATCH_PX
from viewer.relevance.patches.attention_codes import TOKENS, TOKENS_A_SIDE
from viewer.relevance.patches.novelty import outlier_distance
from viewer.slide.tissue.stains import Stains

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.relevance.query.tree import Term

_LEAST_CONTRAST = 0.02
"""In amounts of stain: less is noise, and counts as even."""
_ORDINARY = 1.0
"""The outlier_distance of ordinary tissue."""


class SaliencyEncoder(MeasuredEncoder):
    """See ``Encoder`` and ``Attending``."""

    @property
    def card(self) -> EncoderCard:
        return SALIENCY

    @property
    def levels(self) -> tuple[str, ...]:
        """See ``Attending``: all."""
        return "region", "patch", "token"

    def attend(
        self, block: NDArray[np.uint8], calibration: Mapping[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``Attending.attend``: a token's distance in stain from its patch's median token, relative to
        even over the patch's tissue; of glass 0.
        """
        features = self.encode(block, calibration)
        with device_errors(self.card.title, self._device):
            return features, self._contrast(block, Stains.from_facts(calibration["stains"]))

    def without_he(self) -> str:
        """See ``MeasuredEncoder``: there are no concepts, but stains are separated."""
        return strings.SALIENCY_MISLED

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """Raises UnsupportedTermError, always: measured concepts accept text queries."""
        reason = strings.NO_TEXT_QUERIES.format(title=self.card.title, other=MEASURED.title)
        raise UnsupportedTermError(reason)

    def attend_regions(
        self, features: NDArray[np.float32], tissue: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``Attending.attend_regions``: how different a patch is from others of its region."""
        patches = np.zeros((len(features), 1, *tissue.shape[1:]), np.float32)
        regions = np.full((len(features), features.shape[-1]), np.nan, np.float32)
        for number, (values, here) in enumerate(zip(features, tissue, strict=True)):
            if here.any():
                patches[number, 0][here] = _standing_out(values[here])
                measured = ~np.isnan(values[here]).all(axis=0)
                regions[number, measured] = np.nanmedian(values[here][:, measured], axis=0)
        return patches, regions

    def attend_slide(self, regions: NDArray[np.float32]) -> NDArray[np.float32]:
        """See ``Attending.attend_slide``: how different a region is from others of the slide."""
        return _standing_out(regions) if len(regions) > 1 else np.ones(len(regions), np.float32)

    def _contrast(self, block: NDArray[np.uint8], stains: Stains) -> NDArray[np.float32]:
        inner = block[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
        processor = processor_on(self._device)
        rgb = torch.from_numpy(np.ascontiguousarray(inner.transpose(2, 0, 1))).to(processor.torch_device)
        glass, vectors = torch.tensor(stains.glass_rgb), torch.from_numpy(stains.matrix())
        density, amounts = processor.separate_stains(rgb, glass, vectors)
        tissue = (density.mean(dim=0, keepdim=True) > CLEAR_DENSITY).float()
        tokens = patch_means(torch.cat([amounts, tissue]), PATCH_PX // TOKENS_A_SIDE)
        _, height, width = tokens.shape
        rows, cols = height // TOKENS_A_SIDE, width // TOKENS_A_SIDE
        split = tokens.view(4, rows, TOKENS_A_SIDE, cols, TOKENS_A_SIDE).permute(1, 3, 2, 4, 0)
        stain, share = split.reshape(rows, cols, TOKENS, 4).split([3, 1], dim=-1)
        distance = torch.linalg.vector_norm(stain - stain.median(dim=2, keepdim=True).values, dim=-1)
        share = share.squeeze(-1)
        distance = (distance + _LEAST_CONTRAST) * share
        # Over the mean of the tissue alone: else shreds in glass would get the share of the glass.
        mean = distance.sum(-1, keepdim=True) / share.sum(-1, keepdim=True).clamp_min(1e-6)
        return (distance / mean.clamp_min(_LEAST_CONTRAST)).unsqueeze(2).cpu().numpy()


def _standing_out(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """How different each of features (n, D) is from the others, weighted by its tissue, relative to even;
    ordinary tissue gets more than 0.

    The blank inside of fat is no tissue, nor is glass. What a patch shows of them makes it different, so the
    distance counts by the tissue squared: three quarters blank never get more than ordinary tissue.
    """
    tissue = 1 - np.clip(np.nan_to_num(features[:, INDEX["clear_area"]]), 0, 1)
    values = (outlier_distance(features) * tissue**2 + _ORDINARY) * tissue
    mean = values.mean()
    return np.asarray(values / mean if mean > 0 else np.ones_like(values), np.float32)
