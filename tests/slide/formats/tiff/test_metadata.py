"""viewer.slide.formats.tiff.metadata: the planes that OME-XML counts."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from viewer.slide.formats.tiff.metadata import OmeFacts, ome_from_ifd
from viewer.slide.planes import PlaneAxes


def facts(pixels: str, *, plane_limit: int, channels: int = 0) -> OmeFacts:
    xml = f"<OME><Image><Pixels {pixels}>{'<Channel/>' * channels}</Pixels></Image></OME>"
    ome = ome_from_ifd(SimpleNamespace(text=lambda _code: xml), plane_limit=plane_limit)
    assert ome is not None
    return ome


def test_planes_are_counted_by_axis_and_named_in_the_files_order() -> None:
    ome = facts('DimensionOrder="XYCZT" SizeC="2" SizeZ="3" SizeT="1"', plane_limit=6, channels=2)
    assert ome.planes == PlaneAxes(channels=2, z=3, t=1)
    assert ome.plane_names == ("C 1, Z 1", "C 2, Z 1", "C 1, Z 2", "C 2, Z 2", "C 1, Z 3", "C 2, Z 3")


def test_the_samples_of_a_channel_are_one_plane() -> None:
    ome = facts('SizeC="3" SizeZ="1" SizeT="1"', plane_limit=9, channels=1)
    assert (ome.planes, ome.plane_names) == (PlaneAxes(), ("",))


@pytest.mark.parametrize("claimed", ["1000000000000000000", "7"])
def test_no_more_planes_are_counted_than_the_file_has_images(claimed: str) -> None:
    ome = facts(f'DimensionOrder="XYZCT" SizeC="{claimed}" SizeZ="2" SizeT="{claimed}"', plane_limit=5)
    assert ome.planes == PlaneAxes(channels=2, z=2, t=1)
    assert len(ome.plane_names) == 4
