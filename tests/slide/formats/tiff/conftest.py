"""The slide that tests write into TIFFs, and a file of any pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from tests.slide.formats.tiff_pages import SIZE, TILED
from viewer.slide.formats.registry import open_slide

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from viewer.slide.source import Source

    Picture = Callable[[int, int], NDArray[np.uint8]]
    WholeLevel = Callable[[Source, int], NDArray[np.uint8]]
    Pages = list[tuple[NDArray[np.uint8], dict[str, Any]]]


@pytest.fixture
def slide(picture: Picture) -> NDArray[np.uint8]:
    return picture(*SIZE)


@pytest.fixture
def show(tmp_path: Path) -> Callable[..., Source]:
    """``show(pages, image=…, ome=…)``: the slide of a file of such pages, opened."""
    sources: list[Source] = []

    def write(pages: Pages, *, image: int | None = None, **more: Any) -> Source:
        path = tmp_path / "a.tif"
        with tifffile.TiffWriter(path, **more) as tiff:
            for pixels, options in pages:
                tiff.write(np.ascontiguousarray(pixels), **{**TILED, **options})
        sources.append(open_slide(str(path) if image is None else f"{path}#image={image}"))
        return sources[-1]

    yield write
    for source in sources:
        source.close()


@pytest.fixture
def other(slide: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Something else of the same size."""
    return np.ascontiguousarray(np.rot90(slide, 2)[..., ::-1])
