"""An encoder that knows the mean colour of a patch, and a slide for it: what tests of the analysis need."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.common.errors import EncoderMemoryError, UnsupportedTermError
from viewer.relevance.encoders.card import EncoderCard, Reason
from viewer.relevance.features.store import FeatureStore
from viewer.relevance.features.store_key import StoreSubject
from viewer.relevance.patches.parts import parts_of_patches
from viewer.slide.formats.array import ArraySource
from viewer.slide.geometry import Rect
from viewer.slide.source import SlideInfo, TileError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from numpy.typing import NDArray

    from viewer.relevance.query.tree import Term
    from viewer.slide.geometry import TileKey
    from viewer.slide.source import Source
    from viewer.slide.tissue.mask import TissueMask

MPP_UM = (8.0, 8.0)
"""A patch is 16 × 16 px."""
GLASS, PALE, DARK = (243, 242, 244), (220, 160, 200), (110, 60, 150)
CARD = EncoderCard(
    id="colours",
    title="Colours",
    family="for tests",
    patch_px=16,
    mpp_um=8.0,
    margin_px=2,
    feature_count=3,
    normalisation="as it is",
    licence="none",
    commercial=True,
)


class ColourEncoder:
    """ "darkness" is 1 less the mean colour; everything else is not supported.

    ``most``: patches on a side that the device "cuda" takes, ``most_on_cpu`` those that the CPU takes; later
    by device.
    """

    card = CARD

    def __init__(self, *, most: int = 64, most_on_cpu: int = 64) -> None:
        self.encoded = 0
        self.blocks: list[tuple[int, int]] = []
        self.calibrated = 0
        self.most = {"cuda": most, "cpu": most_on_cpu}
        self._device = "cpu"
        self._lock = threading.Lock()

    def use(self, device: str) -> None:
        self._device = device

    def calibrate(self, source: Source, tissue: TissueMask, mpp_um: tuple[float, float]) -> Mapping[str, Any]:
        self.calibrated += 1
        return {"white": 255.0, "notes": ["Colours are as the scanner made them."]}

    def encode(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        inner = block[2:-2, 2:-2].astype(np.float32) / calibration["white"]
        rows, cols = inner.shape[0] // 16, inner.shape[1] // 16
        if max(rows, cols) > self.most[self._device]:
            raise EncoderMemoryError("Colours: too large")
        with self._lock:
            self.encoded += rows * cols
            self.blocks.append((rows, cols))
        return inner.reshape(rows, 16, cols, 16, 3).mean(axis=(1, 3))

    def score(
        self, term: Term, features: NDArray[np.float32], calibration: Mapping[str, Any]
    ) -> NDArray[np.float32]:
        if term.text != "darkness":
            raise UnsupportedTermError(f"“{term.text}” is no colour")
        return np.asarray(1 - features.mean(1), np.float32)

    def explain(
        self, term: Term, features: NDArray[np.float32], index: int, calibration: Mapping[str, Any]
    ) -> tuple[Reason, ...]:
        return (Reason("red", float(features[index, 0]), "", 50.0, 1.0),)


class DividingColours(ColourEncoder):
    """Also knows the mean colour of parts of a patch."""

    card = replace(CARD, part_features=3)

    def __init__(self) -> None:
        super().__init__()
        self.divided = 0

    def encode_parts(self, block: NDArray[np.uint8], calibration: Mapping[str, Any]) -> NDArray[np.float32]:
        inner = block[2:-2, 2:-2].astype(np.float32) / calibration["white"]
        rows, cols = inner.shape[0] // 4, inner.shape[1] // 4
        quarters = inner.reshape(rows, 4, cols, 4, 3).mean(axis=(1, 3))
        pairs = (quarters[1:] + quarters[:-1]) / 2
        parts = parts_of_patches((pairs[:, 1:] + pairs[:, :-1]) / 2)
        with self._lock:
            self.divided += parts.shape[0] * parts.shape[1]
        return parts

    def scores_parts(self, term: Term) -> bool:
        return term.text == "darkness"

    def score_parts(
        self,
        term: Term,
        parts: NDArray[np.float32],
        features: NDArray[np.float32],
        calibration: Mapping[str, Any],
    ) -> NDArray[np.float32]:
        return self.score(term, parts, calibration)


class AttendingColours(ColourEncoder):
    """Says that it looks at what is dark: at the first and last token of a patch, and at patches and regions.

    Its tokens have two heads, of which the second is even.
    """

    card = replace(CARD, attention_heads=(2, 1), attends="tokens")
    heads = (2, 1)
    levels = ("region", "patch", "token")

    def attend(
        self, block: NDArray[np.uint8], calibration: Mapping[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features = self.encode(block, calibration)
        tokens = np.ones((*features.shape[:2], 2, 256), np.float32)
        tokens[:, :, 0, [0, 255]] = 4
        return features, tokens

    def attend_regions(
        self, features: NDArray[np.float32], tissue: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        darkness = np.where(tissue, 1 - features.mean(-1), 0).astype(np.float32)
        even = darkness.mean((1, 2), keepdims=True) + 1e-6
        return (darkness / even)[:, None], darkness.mean((1, 2))[:, None]

    def attend_slide(self, regions: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(regions[:, 0] / regions.mean(), np.float32)


class TokenColours(AttendingColours):
    """Looks at dark tokens, of one pixel each: what it says of a patch tells where it was read."""

    def attend(
        self, block: NDArray[np.uint8], calibration: Mapping[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features, tokens = super().attend(block, calibration)
        rows, cols = features.shape[:2]
        dark = 256 - block[2:-2, 2:-2].mean(-1).astype(np.float32)
        dark = dark.reshape(rows, 16, cols, 16).swapaxes(1, 2).reshape(rows, cols, 256)
        tokens[:, :, 0] = dark / dark.mean(-1, keepdims=True)
        return features, tokens


class MagnifyingColours(AttendingColours):
    """Sees the same colours at any magnification but at those in ``astray``."""

    card = replace(AttendingColours.card, magnifies=True)

    def __init__(self, astray: Collection[int] = ()) -> None:
        super().__init__()
        self.sides: list[tuple[int, int]] = []
        """How many patches with how many tokens along each, in the order they were encoded."""
        self._astray = astray

    def attend(
        self, block: NDArray[np.uint8], calibration: Mapping[str, Any]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        self.sides.append((16, block.shape[0] * block.shape[1] // 256))
        return super().attend(block, calibration)

    def attend_at(
        self, block: NDArray[np.uint8], side: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        inner = block[2:-2, 2:-2].astype(np.float32) / 255
        rows, cols = inner.shape[0] // side, inner.shape[1] // side
        self.sides.append((side, rows * cols))
        features = inner.reshape(rows, side, cols, side, 3).mean(axis=(1, 3))
        if side in self._astray:
            features = features[..., ::-1] * np.float32(-1)
        return features, np.full((rows, cols, 2, 256), side, np.float32)


class MadeSlide(ArraySource):
    """A slide of one level; the tiles (column, row) of 256 px in ``torn`` cannot be read."""

    def __init__(self, picture: NDArray[np.uint8], torn: Collection[tuple[int, int]] = ()) -> None:
        height, width = picture.shape[:2]
        info = SlideInfo(
            path=Path("made.png"),
            format="made",
            reader="made",
            reader_reason="made by the test",
            bounds=Rect(0, 0, width, height),
            file_levels=((width, height),),
            mpp_um=MPP_UM,
        )
        super().__init__(info, picture)
        self.torn = torn

    def read_tile(self, key: TileKey) -> NDArray[np.uint8]:
        if (key.col, key.row) in self.torn:
            raise TileError("made.png: torn")
        return super().read_tile(key)


def picture() -> NDArray[np.uint8]:
    """60 × 50 patches of glass; from (8, 8) on 40 × 30 of tissue, the last 10 columns of it dark."""
    made = np.empty((50 * 16, 60 * 16, 3), np.uint8)
    made[:] = GLASS
    made[128:608, 128:768] = PALE
    made[128:608, 608:768] = DARK
    speckle = np.random.default_rng(3).integers(0, 6, made.shape[:2], np.uint8)[..., None]
    return made - speckle


def open_store(folder: Path, source: Source, card: EncoderCard = CARD) -> FeatureStore:
    """The store of a slide; the caller closes it."""
    pyramid = source.pyramid
    subject = StoreSubject("made", "made", (pyramid.width, pyramid.height), MPP_UM, False, None, card)
    return FeatureStore.open(subject, limit_bytes=1 << 28, folder=folder)
