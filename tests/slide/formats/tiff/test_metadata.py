"""viewer.slide.formats.tiff.metadata: the scale that tags and descriptions state."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from viewer.slide.byte_source import FileBytes
from viewer.slide.formats.tiff.ifd import read_ifds
from viewer.slide.formats.tiff.metadata import mpp_from_ifd, objective_power_from_ifd, vendor_mark

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.slide.formats.tiff.ifd import Ifd

    Page = Callable[..., Ifd]

NONE, INCH, CENTIMETRE = 1, 2, 3


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """``page(description, resolution, unit)``: the directory of a small stripped image."""
    with ExitStack() as files:

        def make(description: str | bytes = "", resolution: Any = 0, unit: int = NONE, **more: object) -> Ifd:
            path = tmp_path / "a.tif"
            sides = resolution if isinstance(resolution, tuple) else (resolution, resolution)
            options = {"resolution": sides} if resolution else {}
            tifffile.imwrite(
                path,
                np.zeros((30, 40), np.uint8),
                resolutionunit=unit,
                metadata=None,
                description=description,
                **options,
                **more,
            )
            return read_ifds(files.enter_context(closing(FileBytes(path))))[0][0]

        yield make


@pytest.mark.parametrize(
    ("resolution", "unit", "mpp_um"),
    [
        (101_600, INCH, 0.25),
        (4000, INCH, 6.35),  # a film scanner
        (2400, INCH, None),  # a printer
        (300, INCH, None),
        (40_000, CENTIMETRE, 0.25),
        (118, CENTIMETRE, None),
        (40_000, NONE, None),
        (0, CENTIMETRE, None),
        (1e-9, INCH, None),
    ],
)
def test_resolution_tags_count_in_inches_and_centimetres(
    resolution: float, unit: int, mpp_um: float | None, page: Page
) -> None:
    expected = None if mpp_um is None else pytest.approx((mpp_um, mpp_um))
    assert mpp_from_ifd(page("", resolution, unit)) == expected


@pytest.mark.parametrize(
    ("name", "per_unit", "mpp_um"),
    [
        ("micron", 4, 0.25), ("um", 4, 0.25), ("µm", 4, 0.25), ("\\u00B5m", 4, 0.25), ("microns", 4, 0.25),
        ("nm", 0.004, 0.25), ("mm", 4000, 0.25), ("cm", 40_000, 0.25), ("inch", 101_600, 0.25),
        ("pixel", 4, None), ("", 4, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("unit", [NONE, INCH])
def test_imagej_names_the_unit_in_the_description(
    name: str, per_unit: float, mpp_um: float | None, unit: int, page: Page
) -> None:
    description = f"ImageJ=1.53t\nimages=1\nunit={name}\nloop=false\n".encode("latin-1")
    expected = None if mpp_um is None else pytest.approx((mpp_um, mpp_um))
    assert mpp_from_ifd(page(description, per_unit, unit)) == expected


def test_imagej_has_a_unit_for_each_side(page: Page) -> None:
    ifd = page("ImageJ=1.53t\nunit=micron\nyunit=nm\n", (4, 0.04))
    assert mpp_from_ifd(ifd) == pytest.approx((0.25, 0.025))


@pytest.mark.parametrize(
    ("description", "mpp_um", "power"),
    [
        ("Aperio Image Library v8\r\n90x80 [7,7 40x30] (0x0) RAW|AppMag = 20|MPP = 0.4970", 0.497, 20.0),
        ("90x80 [7,7 40x30] (0x0) RAW|AppMag = 20|MPP = 0.4970", 0.497, 20.0),
        ("|MPP=0.25", 0.25, None),
        ("Export|AppMag = 40|MPP = 0,2500|Left = 1,5", 0.25, 40.0),
        # Made smaller: 400 px of the scan in the 40 px of this image.
        ("Aperio\r\n400x300 -> 40x30 - |AppMag = 40|MPP = 0.25", 2.5, 40.0),
        ("Aperio\r\n460x390 [0,9 400x300] (24x24) -> 40x30 JPEG|AppMag = 40|MPP = 0.25", 2.5, 40.0),
        ("Aperio|AppMag = many|MPP = -1", None, None),
        ("Aperio|AppMag = 1e300|MPP = 1e-300", None, None),
        ("it says MPP = 0.25", None, None),
    ],
)
def test_aperio_s_list_is_read_in_any_file(
    description: str, mpp_um: float | None, power: float | None, page: Page
) -> None:
    ifd = page(description, 72, INCH)
    assert mpp_from_ifd(ifd) == (None if mpp_um is None else pytest.approx((mpp_um, mpp_um)))
    assert objective_power_from_ifd(ifd) == power


@pytest.mark.parametrize(
    ("more", "vendor"),
    [
        ({}, None),
        ({"description": "Aperio Image Library"}, "aperio"),
        ({"software": "Philips DP v1.0"}, "philips"),
        ({"software": "MedScan v2"}, "trestle"),
        ({"description": '<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">'}, "leica"),
        ({"extratags": [(65420, "I", 1, 1, True)]}, "hamamatsu"),
        ({"extratags": [(700, "B", 5, b"iScan", True)]}, "ventana"),
    ],
)
def test_makers_are_told_by_their_marks(more: dict[str, object], vendor: str | None, page: Page) -> None:
    assert vendor_mark(page(**more)) == vendor
