"""The planes of a slide: channel, focal plane and time, three axes that are counted from 0."""

from __future__ import annotations

from typing import NamedTuple


class Plane(NamedTuple):
    """One picture of the slide's whole extent: one channel at one focal plane ``z`` and one time ``t``."""

    channel: int = 0
    z: int = 0
    t: int = 0


FIRST_PLANE = Plane()


class PlaneAxes(NamedTuple):
    """How many channels, focal planes and times there are."""

    channels: int = 1
    z: int = 1
    t: int = 1

    @property
    def plane_count(self) -> int:
        return self.channels * self.z * self.t

    def contains(self, plane: Plane) -> bool:
        """Whether each of the plane's three numbers lies on its axis."""
        return all(0 <= at < size for at, size in zip(plane, self, strict=True))


ONE_PLANE = PlaneAxes()
