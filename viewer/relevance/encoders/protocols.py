"""What an encoder does: the protocols that the analysis calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from viewer.relevance.encoders.card import EncoderCard, Reason
    from viewer.relevance.query.tree import Term
    from viewer.slide.geometry import Rect
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask


class Encoder(Protocol):
    """A loaded encoder. On the CPU several threads may call ``encode`` at once, and nothing else."""

    @property
    def card(self) -> EncoderCard: ...

    def use(self, device: str) -> None:
        """Compute on "cpu" or "cuda" from now on; back on the CPU also after the card was lost.

        Raises EncoderMemoryError where the weights do not fit, EncoderDeviceError.
        """

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        """Facts on a slide that ``encode`` needs, as JSON values; stored with the features.

        {} where there are none. ``notes`` (list of sentences) are shown to the reader. May read pixels for up
        to a second.
        """

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """Features (rows, columns, feature_count) of a block of patches: (rows · patch_px + 2 · margin_px,
        columns · patch_px + 2 · margin_px, 3) RGB at ``mpp_um``. A feature that could not be measured is NaN.
        Raises EncoderMemoryError, EncoderDeviceError.
        """

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        """How much each patch is like the term: (n,) in [0, 1], NaN where unknown.

        ``features`` (n, feature_count) are those of all tissue patches known so far: ranks are taken among
        them. Raises UnsupportedTermError.
        """

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """The measurements behind the score of patch ``index``, strongest first; () where unnamed."""


@runtime_checkable
class Refining(Protocol):
    """An encoder that can measure one patch at a finer pixel size."""

    def refine(
        self, reasons: tuple[Reason, ...], source: Source, patch: Rect, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        """The same reasons, with finer values for the patch (level-0 px). Raises TileError."""


@runtime_checkable
class Dividing(Protocol):
    """An encoder that can encode parts of a patch: squares of half its side at every quarter of it, those
    whose middle the patch holds. Some reach into the patches before it."""

    def encode_parts(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        """The first features of the parts of a block of patches (rows, columns, PARTS, part_features of its
        card). ``block`` as for ``Encoder.encode``, with a quarter of a patch more on each side. Raises as
        that does.
        """

    def scores_parts(self, term: Term) -> bool:
        """Whether those features are enough to score a term."""

    def score_parts(
        self,
        term: Term,
        parts: NDArray[np.float32],
        features: NDArray[np.float32],
        calibration: Mapping[str, Any],
    ) -> NDArray[np.float32]:
        """How much each of ``parts`` (n, part_features) is like the term, as ``Encoder.score``: (n,). Ranks
        are taken among ``features``, those of the patches."""


@runtime_checkable
class NamedScores(Protocol):
    """An encoder with a fixed set of named concepts."""

    def named_scores(
        self, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> Mapping[str, NDArray[np.float32]]:
        """The scores (n,) of all concepts that can be measured on this slide, by name."""


@runtime_checkable
class Attending(Protocol):
    """An encoder with attention at several levels.

    ``levels``: those of "region", "patch" and "token" that it compares, in this order; the attention of the
    others is even.
    """

    @property
    def levels(self) -> tuple[str, ...]: ...

    def attend(
        self, block: NDArray[np.uint8], calibration: Mapping[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``Encoder.encode`` of a block, and (rows, columns, heads, 256): each token's attention in its
        patch, relative to even. Raises EncoderMemoryError, EncoderDeviceError.
        """

    def attend_regions(
        self, features: NDArray[np.float32], tissue: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of regions (n, 16, 16, feature_count), what is not ``tissue`` (n, 16, 16) being glass: each patch's
        attention in its region (n, heads, 16, 16), relative to even, NaN where the features are not
        finite, and the regions' features (n, width). Raises EncoderMemoryError, EncoderDeviceError.
        """

    def attend_slide(self, regions: NDArray[np.float32]) -> NDArray[np.float32]:
        """The attention (n,) of regions by their features (n, width), relative to even; 1 for an encoder
        that does not compare regions."""


@runtime_checkable
class Magnifying(Attending, Protocol):
    """An encoder that can encode a patch with fewer or more tokens than 16 × 16."""

    def attend_at(
        self, block: NDArray[np.uint8], side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """``Attending.attend`` of a block of patches of side · 16 pixels, with side × side tokens each: its
        features are like those of 16 × 16, not the same. Attention is that of 16 × 16 tokens, resampled.
        """


@runtime_checkable
class SlideAttention(Protocol):
    """An encoder that compares all patches of a slide at once, in the views that its card names."""

    def attend_whole(
        self, features: NDArray[np.float32], cells: NDArray[np.int32]
    ) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        """Codes (views, n) of features (n, feature_count) at cells (n, 2) as row, column, and which of the
        patches could be read."""

    def summary(self) -> str:
        """Sentences for the reader on the last ``attend_whole``; "" for none."""
