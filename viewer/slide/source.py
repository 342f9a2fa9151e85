"""The Source protocol: what every reader gives the rest of the program.

A reader gives the facts of a slide (``SlideInfo``), how its pyramid is cut (``Pyramid``), and the pixels of a
tile (``read_tile``, for remote slides in two steps). It never caches decoded tiles (``stream/cache`` does),
never starts threads, and may be called from many threads at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from viewer.common.errors import FoveolaError
from viewer.slide.locator import Locator
from viewer.slide.pixels import RGBA_8, SampleFormat
from viewer.slide.planes import ONE_PLANE, PlaneAxes
from viewer.slide.strings import NO_SUCH_TILE

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from viewer.slide.geometry import Pyramid, Rect, TileKey
    from viewer.slide.pixels import Pixels


class SlideError(FoveolaError):
    """A slide that cannot be opened: which file, and why, for people."""

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class NotThisReader(SlideError):
    """This reader does not support the file; another may."""


class TileError(FoveolaError):
    """One tile that cannot be read. The rest of the slide works; the tile is shown as a marked tile and
    counted."""


class TileNotReadyError(TileError):
    """A tile of a level that is still being built. Not a failure: it is requested again later."""


@dataclass(frozen=True, slots=True)
class FileImage:
    """One of several images of a file: its number (from 1, with gaps), what the file calls it, its pixels.

    ``is_slide``: it is the one that the file is opened at where none is named.
    """

    number: int
    name: str
    width: int
    height: int
    is_shown: bool
    is_slide: bool


@dataclass(frozen=True, slots=True)
class SlideInfo:
    """Facts about a slide, read once at opening.

    ``mpp_um`` is micrometres per level-0 pixel (x, y), None where the file states none. ``bounds`` is the
    part of the level-0 image that holds scanned tissue. ``planes`` counts the channels, focal planes and
    times of the file; only the first plane is shown today. ``samples`` is the format of every tile. ``notes``
    are sentences to show with the slide. ``file_levels`` are the (width, height) of the levels stored in the
    file, before any that Foveola derives. ``companions`` are files beside it that identify the slide where
    the file itself does not. ``images`` are all images of the file, where it holds several.
    """

    path: Path
    format: str
    reader: str
    reader_reason: str
    bounds: Rect
    file_levels: tuple[tuple[int, int], ...]
    mpp_um: tuple[float, float] | None = None
    objective_power: float | None = None
    associated_images: tuple[str, ...] = ()
    icc_profile: bytes | None = None
    background_rgb: tuple[int, int, int] = (255, 255, 255)
    planes: PlaneAxes = ONE_PLANE
    samples: SampleFormat = RGBA_8
    notes: tuple[str, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)
    companions: tuple[Path, ...] = ()
    images: tuple[FileImage, ...] = ()

    @property
    def locator(self) -> Locator:
        """Where this image is: what opens it again. Without a number for the slide of the file."""
        others = (image.number for image in self.images if image.is_shown and not image.is_slide)
        return Locator.parse(self.path).with_image(next(others, None))


class Source(Protocol):
    """An open slide. Safe to use from many threads until ``close``. Readers derive from it."""

    @property
    def info(self) -> SlideInfo: ...

    @property
    def pyramid(self) -> Pyramid: ...

    @property
    def is_remote(self) -> bool:
        """Whether tiles wait for a network, so that they are fetched on threads of their own."""
        return False

    @property
    def decodes_along(self) -> Literal["rows", "columns"] | None:
        """Which neighbours at the coarsest level are cut from pixels that are decoded together; None where
        each tile is decoded by itself.
        """
        return None

    def tile_region(self, key: TileKey) -> tuple[int, int, int, int]:
        """Left, top, width and height of a tile in pixels of its level. Raises TileError where the pyramid
        has no such tile.
        """
        if not self.pyramid.contains(key):
            raise TileError(NO_SUCH_TILE.format(path=self.info.path, key=key))
        level = self.pyramid.levels[key.level]
        corner = key.col * level.tile_width, key.row * level.tile_height
        return *corner, *self.pyramid.tile_size(key)

    def read_tile(self, key: TileKey) -> Pixels:
        """The pixels of one tile: (height, width, samples) as ``Pyramid.tile_size`` and ``info.samples`` say,
        C-contiguous, opaque.

        Transparent or missing pixels are laid on ``background_rgb``. Raises TileError where the tile cannot
        be decoded.
        """

    def fetch_tile(self, key: TileKey) -> Any:
        """What ``decode_tile`` makes the tile from, mostly coded bytes; opaque to callers.

        A reader that cannot fetch without decoding leaves both to ``decode_tile``. Raises TileError.
        """
        return None

    def decode_tile(self, key: TileKey, fetched: Any) -> Pixels:
        """``read_tile`` from what ``fetch_tile`` gave, without waiting for a network. Raises TileError."""
        return self.read_tile(key)

    def read_associated_image(self, name: str) -> NDArray[np.uint8]:
        """A label, macro or thumbnail image, (height, width, 4) RGBA. May carry patient identifiers.

        Raises KeyError for a name that is not in ``info.associated_images``, SlideError where it cannot be
        decoded.
        """

    def close(self) -> None:
        """Release the file. Reads after this raise TileError. Closing twice is allowed."""
