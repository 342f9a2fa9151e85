"""How large a slide's pixels are, by its file or by the reader, and what that makes of a downsample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.common.scale import downsample_from_magnification, magnification_from_downsample

if TYPE_CHECKING:
    from viewer.slide.given_scale import GivenScale
    from viewer.slide.source import SlideInfo


class SlideScale:
    """Of one slide, with the pixel size that a reader gave to it; None: of no slide.

    Downsamples count slide pixels per pixel of the display.
    """

    def __init__(self, info: SlideInfo | None = None, given: GivenScale | None = None) -> None:
        self._stated_um = None if info is None else info.mpp_um
        self._stated_power = None if info is None else info.objective_power
        self._entered_um: tuple[float, float] | None = None
        self._entered_is_estimate = False
        self._overrides = False
        self._origin = ""
        if given is not None:
            self.enter_mpp_um(
                given.mpp_um, estimated=given.estimated, overrides=given.overrides, origin=given.origin
            )

    @property
    def mpp_um(self) -> tuple[float, float] | None:
        """Micrometres per slide pixel (x, y): the file's, or else what the reader entered."""
        return self._entered_um if self.is_entered else self._stated_um

    @property
    def objective_power(self) -> float | None:
        """The objective that the file states; None where the reader has replaced the file's pixel size."""
        return None if self.is_entered and self._overrides else self._stated_power

    @property
    def is_entered(self) -> bool:
        """Whether the pixel size in use was entered or accepted by the reader."""
        return self._entered_um is not None and (self._stated_um is None or self._overrides)

    @property
    def mpp_origin(self) -> str:
        """Who gave the pixel size in use, and when; "" for the file's own."""
        return self._origin if self.is_entered else ""

    @property
    def mpp_estimated(self) -> bool:
        """Whether the pixel size in use was estimated from the slide itself."""
        return self._entered_is_estimate and self.is_entered

    def enter_mpp_um(
        self,
        mpp_um: tuple[float, float] | None,
        *,
        estimated: bool = False,
        overrides: bool = False,
        origin: str = "",
    ) -> None:
        """Set a pixel size that was entered by the reader or ``estimated``; one that the file states wins
        unless it ``overrides`` that.
        """
        self._entered_um, self._entered_is_estimate = mpp_um, estimated
        self._overrides, self._origin = overrides, origin

    def magnification(self, downsample: float) -> float | None:
        """None while the slide's scale is unknown."""
        return magnification_from_downsample(
            downsample, objective_power=self.objective_power, mpp_um=self.mpp_um
        )

    def downsample(self, magnification: float) -> float | None:
        """None while the slide's scale is unknown."""
        return downsample_from_magnification(
            magnification, objective_power=self.objective_power, mpp_um=self.mpp_um
        )
