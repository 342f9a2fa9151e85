"""viewer.slide.formats.tiff.ome: the images of OME-XML, their pages, planes and scale."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from viewer.slide.formats.tiff.ome import OmeFacts, ome_from_ifd
from viewer.slide.planes import PlaneAxes


def images(xml: str, *, plane_limit: int = 9, samples: int = 1) -> tuple[OmeFacts, ...]:
    ifd = SimpleNamespace(text=lambda _code: xml, number=lambda _code, _default: samples)
    return ome_from_ifd(ifd, plane_limit=plane_limit)


def facts(pixels: str, *, plane_limit: int = 9, channels: int = 0, samples: int = 1) -> OmeFacts:
    xml = f"<OME><Image><Pixels {pixels}>{'<Channel/>' * channels}</Pixels></Image></OME>"
    (ome,) = images(xml, plane_limit=plane_limit, samples=samples)
    return ome


def test_planes_are_counted_by_axis_and_named_in_the_files_order() -> None:
    ome = facts('DimensionOrder="XYCZT" SizeC="2" SizeZ="3" SizeT="1"', plane_limit=6, channels=2)
    assert ome.planes == PlaneAxes(channels=2, z=3, t=1)
    assert ome.plane_names == ("C 1, Z 1", "C 2, Z 1", "C 1, Z 2", "C 2, Z 2", "C 1, Z 3", "C 2, Z 3")


def test_the_samples_of_a_channel_are_one_plane() -> None:
    ome = facts('SizeC="3" SizeZ="1" SizeT="1"', plane_limit=9, channels=1)
    assert (ome.planes, ome.plane_names) == (PlaneAxes(), ("",))


def test_the_samples_of_the_page_are_one_plane_where_no_channels_are_listed() -> None:
    ome = facts('SizeC="3" SizeZ="1" SizeT="1"', samples=3)
    assert (ome.planes, ome.pages) == (PlaneAxes(), {0})


@pytest.mark.parametrize("claimed", ["1000000000000000000", "7"])
def test_no_more_planes_are_counted_than_the_file_has_images(claimed: str) -> None:
    ome = facts(f'DimensionOrder="XYZCT" SizeC="{claimed}" SizeZ="2" SizeT="{claimed}"', plane_limit=5)
    assert ome.planes == PlaneAxes(channels=2, z=2, t=1)
    assert len(ome.plane_names) == 4


def test_each_image_has_the_pages_that_its_blocks_name() -> None:
    xml = """<OME>
      <Image Name="stack"><Pixels SizeZ="3" SizeC="1" SizeT="1">
        <TiffData IFD="1" PlaneCount="3"/></Pixels></Image>
      <Image Name="turned"><Pixels SizeZ="2" SizeC="1" SizeT="1">
        <TiffData IFD="5" FirstZ="0"/><TiffData IFD="4" FirstZ="1"/></Pixels></Image>
      <Image><Pixels SizeZ="2" SizeC="1" SizeT="1"/></Image>
    </OME>"""
    stack, turned, rest = images(xml)
    assert (stack.name, stack.first_page, stack.pages) == ("stack", 1, {1, 2, 3})
    assert (turned.first_page, turned.pages) == (5, {4, 5})
    assert (rest.first_page, rest.pages) == (6, {6, 7})


def test_the_colours_of_an_image_are_at_the_pages_that_it_names() -> None:
    pixels = '<Pixels SizeC="3" Type="uint8"><TiffData IFD="{first}" PlaneCount="3"/>{channels}</Pixels>'
    channels = "".join(f'<Channel Name="{name}"/>' for name in ("green", "red", "blue"))
    xml = "".join(f"<Image>{pixels.format(first=first, channels=channels)}</Image>" for first in (4, 0))
    found = images(f"<OME>{xml}</OME>")
    assert [each.colour_pages for each in found] == [(5, 4, 6), (1, 0, 2)]
    assert found[0].channel_names == ("green", "red", "blue")


def test_planes_in_other_files_have_no_page_here() -> None:
    block = '<TiffData IFD="0"><UUID FileName="{0}.tif">urn:uuid:{0}</UUID></TiffData>'
    image = "<Image><Pixels>{}</Pixels></Image>"
    both = "".join(image.format(block.format(name)) for name in ("a", "b"))
    here, there = images(f'<OME UUID="urn:uuid:a">{both}</OME>')
    assert (here.first_page, there.first_page) == (0, None)


@pytest.mark.parametrize(
    "blocks",
    ['<TiffData IFD="99999999999"/>', '<TiffData IFD="-1"/>', '<TiffData IFD="0" PlaneCount="8888888"/>'],
)
def test_no_more_pages_are_counted_than_the_file_has(blocks: str) -> None:
    (ome,) = images(f"<OME><Image><Pixels>{blocks}</Pixels></Image></OME>", plane_limit=4)
    assert ome.pages <= {0, 1, 2, 3}


@pytest.mark.parametrize("head", ["", "\ufeff", "\n  "])
def test_any_prefix_of_the_namespace_is_read(head: str) -> None:
    xml = (
        '<ome:OME xmlns:ome="http://www.openmicroscopy.org/Schemas/OME/2016-06"><ome:Image ome:ID="Image:0">'
        '<ome:Pixels PhysicalSizeX="0.5" PhysicalSizeY="0.25"/></ome:Image></ome:OME>'
    )
    (ome,) = images(f'{head}<?xml version="1.0" encoding="UTF-8"?>{xml}')
    assert ome.mpp_um == (0.5, 0.25)


def test_the_objective_is_the_one_that_the_image_names() -> None:
    xml = """<OME><Instrument><Objective ID="O:0" NominalMagnification="2"/>
      <Objective ID="O:1" NominalMagnification="40"/></Instrument>
      <Image><ObjectiveSettings ID="O:1"/><Pixels/></Image><Image><Pixels/></Image></OME>"""
    assert [image.objective_power for image in images(xml)] == [40.0, 2.0]


@pytest.mark.parametrize(
    ("size", "unit", "mpp_um"),
    [
        ("2500", "Å", 0.25), ("250000", "pm", 0.25), ("250", "nm", 0.25), ("0.25", "µm", 0.25),
        ("0.25", "μm", 0.25), ("0.00025", "mm", 0.25), ("0.000025", "cm", 0.25), ("2.5e-7", "m", 0.25),
        ("1e-5", "in", 0.254), ("0.01", "thou", 0.254), ("0.25", "reference frame", None),
        ("0.25", "pixel", None), ("0.25", "", None), ("nan", "µm", None), ("-1", "µm", None),
    ],
)  # fmt: skip
def test_pixel_sizes_come_in_any_unit(size: str, unit: str, mpp_um: float | None) -> None:
    sides = " ".join(f'PhysicalSize{axis}="{size}" PhysicalSize{axis}Unit="{unit}"' for axis in "XY")
    expected = None if mpp_um is None else pytest.approx((mpp_um, mpp_um))
    assert facts(sides).mpp_um == expected
