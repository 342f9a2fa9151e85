"""The settings that one frame is drawn with, and its report."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from viewer.slide.planes import FIRST_PLANE, Plane
from viewer.view.screen import TileLevel, TileWeight, uniform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gpu.gl.tile_renderer import Foveation


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The reader's adjustment of the picture: brightness −1 to 1, contrast and gamma 0.25 to 4."""

    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """How a slide is shown: colour around it, adjustment, ICC table (n, n, n, 3) or None, its plane, debug
    marks, and for research the gaze away from which it is coarse."""

    surround_rgb: tuple[float, float, float] = (1.0, 1.0, 1.0)
    adjustment: Adjustment = field(default_factory=Adjustment)
    icc_lut: NDArray[np.uint8] | None = None
    plane: Plane = FIRST_PLANE
    debug: bool = False
    foveation: Foveation | None = None

    def as_kept(self) -> Look:
        """The look of exported pictures: without debug marks, and sharp everywhere."""
        return replace(self, debug=False, foveation=None)


@dataclass(frozen=True, slots=True)
class Steering:
    """Weights per tile, 1 to 4, for the order of loading: by the reader's attention, and by relevance;
    and the finest level to be fetched while the view moves, where tiles come slowly."""

    attention: TileWeight = uniform
    relevance: TileWeight = uniform
    finest: TileLevel | None = None


@dataclass(frozen=True, slots=True)
class FrameReport:
    """What one frame drew and what is still missing from it."""

    plane: Plane
    """The plane that was drawn: the previous one, while the look's plane does not cover the view."""
    level: int
    visible_tiles: int
    missing: int
    failed: int
    """Tiles in view that could not be read; they are drawn marked."""
    coarsened: bool
    holes: int
    uploads: int
    upload_backlog: bool
    fading: bool

    foveated: bool = False
    """Drawn coarse away from the gaze."""
    refused: tuple[str, ...] = ()
    """Why the overlays that are hatched cannot be drawn."""

    @property
    def complete(self) -> bool:
        """Every visible tile of the target's level is on the GPU and drawn at full weight, and that level is
        as fine as the screen."""
        return self.missing == 0 and not (self.fading or self.coarsened or self.foveated)
