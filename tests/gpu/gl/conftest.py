"""One off-screen context for all OpenGL tests, a check for errors around each, pictures cut into tiles.

tests/conftest.py has chosen EGL before anything imports OpenGL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from gpu.errors import GpuError
from gpu.gl.context import OffscreenContext, check, gl_info
from gpu.gl.gl_state import UploadState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from gpu.gl.pixel_format import Pixels
    from gpu.gl.texture_pool import TexturePool

GOLDEN_FOLDER = Path(__file__).parent / "golden"
GOLDEN_TOLERANCE = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regenerate-goldens", action="store_true", help="write the golden pictures of tests/gl anew"
    )


@pytest.fixture(scope="session")
def gl_session() -> Iterator[OffscreenContext]:
    """The context that all tests here share; without EGL they are skipped."""
    context = OffscreenContext()
    try:
        context.__enter__()
    except GpuError as error:
        pytest.skip(f"no off-screen OpenGL: {error}")
    yield context
    context.release()


@pytest.fixture(autouse=True)
def gl(gl_session: OffscreenContext) -> Iterator[OffscreenContext]:
    """The shared context, current, and free of errors before and after the test."""
    gl_session.make_current()
    check("before the test")
    yield gl_session
    gl_session.make_current()
    check("after the test")


def mips_of(pixels: NDArray[np.uint8], count: int) -> list[NDArray[np.uint8]]:
    """Box-filtered mips of ceil(size / 2^i); odd edges are repeated."""
    mips = [np.ascontiguousarray(pixels)]
    for _ in range(count - 1):
        last = mips[-1]
        even = np.pad(last, ((0, last.shape[0] % 2), (0, last.shape[1] % 2), (0, 0)), mode="edge").astype(
            float
        )
        mean = (even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2]) / 4.0
        mips.append(np.ascontiguousarray((mean + 0.5).astype(np.uint8)))
    return mips


def put(pool: TexturePool, slot: int, mips: Sequence[Pixels]) -> None:
    """One tile into its layer."""
    with UploadState():
        pool.upload(slot, mips)


@dataclass
class Cut:
    """A picture in a pool, cut into tiles of the pool's layer size."""

    pool: TexturePool
    width: int
    height: int
    cells: list[tuple[int, int, int]]  # slot, x, y

    def instances(self, *, downsample: float, centre: tuple[float, float] | None = None) -> NDArray[Any]:
        """Every tile at full weight, seen at `downsample` picture pixels per framebuffer pixel."""
        from gpu.gl.tile_renderer import NO_TILE, TILE_INSTANCE

        cx, cy = centre if centre is not None else (self.width / 2, self.height / 2)
        tiles = np.zeros(len(self.cells), TILE_INSTANCE)
        for tile, (slot, x, y) in zip(tiles, self.cells, strict=True):
            right = min(x + self.pool.layer_px, self.width)
            bottom = min(y + self.pool.layer_px, self.height)
            tile["rect_px"] = [
                (x - cx) / downsample,
                (y - cy) / downsample,
                (right - cx) / downsample,
                (bottom - cy) / downsample,
            ]
            tile["tile_size"] = [right - x, bottom - y]
            tile["tile_slot"] = slot
        tiles["tile_lod"] = math.log2(downsample)
        tiles["fade"] = 1.0
        tiles["ancestor_slot"] = NO_TILE
        return tiles


@pytest.fixture
def make_pool() -> Iterator[Callable[..., TexturePool]]:
    """Makes pools that are released after the test."""
    from gpu.gl.texture_pool import TexturePool

    pools: list[TexturePool] = []

    def make(layer_px: int = 64, layers: int = 8, mip_levels: int = 3) -> TexturePool:
        pools.append(TexturePool(layer_px, layers, mip_levels))
        return pools[-1]

    yield make
    for pool in pools:
        pool.release()


@pytest.fixture
def cut(make_pool: Callable[..., TexturePool]) -> Callable[..., Cut]:
    """Puts a picture, uint8 (h, w, 3 or 4), into a pool of its own, as tiles."""

    def cut_picture(picture: NDArray[np.uint8], *, layer_px: int, mip_levels: int = 3) -> Cut:
        height, width = picture.shape[:2]
        rgba = np.full((height, width, 4), 255, np.uint8)
        rgba[..., : picture.shape[2]] = picture
        corners = [(x, y) for y in range(0, height, layer_px) for x in range(0, width, layer_px)]
        pool = make_pool(layer_px, len(corners), mip_levels)
        cells = []
        for x, y in corners:
            slot = pool.slots.allocate((x, y), depth=0, pinned=False, frame=0)
            assert slot is not None
            put(pool, slot, mips_of(rgba[y : y + layer_px, x : x + layer_px], mip_levels))
            cells.append((slot, x, y))
        return Cut(pool, width, height, cells)

    return cut_picture


@pytest.fixture
def render() -> Callable[..., NDArray[np.uint8]]:
    """Draws tiles of a pool with a renderer of their own and gives the picture, (h, w, 4)."""
    from gpu.gl.offscreen import render_to_array
    from gpu.gl.tile_renderer import FrameState, TileRenderer

    def draw(
        pool: TexturePool,
        tiles: NDArray[Any],
        *,
        size: tuple[int, int],
        lut: NDArray[np.uint8] | None = None,
        **frame: Any,
    ) -> NDArray[np.uint8]:
        renderer = TileRenderer(pool)
        try:
            renderer.set_lut(lut)
            return render_to_array(renderer, tiles, FrameState(size[0], size[1], **frame))
        finally:
            renderer.release()

    return draw


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, NDArray[np.uint8]], None]:
    """Compares with tests/gl/golden/NAME.png where the renderer is llvmpipe, whose pixels are stable."""

    def compare(name: str, picture: NDArray[np.uint8]) -> None:
        assert max(picture.shape[:2]) <= 128, "golden pictures stay small"
        path = GOLDEN_FOLDER / f"{name}.png"
        if request.config.getoption("--regenerate-goldens", default=False):
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(picture[..., :3]).save(path)
            return
        renderer = str(gl_info()["renderer"])
        if "llvmpipe" not in renderer:
            pytest.skip(f"golden pictures are llvmpipe's; this is {renderer}")
        golden = np.asarray(Image.open(path).convert("RGB")).astype(int)
        assert golden.shape == picture[..., :3].shape
        difference = np.abs(golden - picture[..., :3].astype(int))
        if difference.max() > GOLDEN_TOLERANCE:
            Image.fromarray(picture[..., :3]).save(tmp_path / f"{name}.png")
            Image.fromarray(np.minimum(difference * 16, 255).astype(np.uint8)).save(
                tmp_path / f"{name}_diff.png"
            )
            pytest.fail(f"{name} differs from its golden by up to {difference.max()}; see {tmp_path}")

    return compare
