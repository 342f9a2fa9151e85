"""Decoded tiles into the texture pool, a few per frame, within a time budget.

Plain glTexSubImage3D from the tile's own memory is used. A ring of persistently mapped pixel buffers was
measured and is slower on software OpenGL (llvmpipe, three mips, best of runs): 256 px tiles 0.054 against
0.033 ms, 512 px tiles 0.20 against 0.11 ms, since the copy into the ring comes on top of the copy into the
texture. On hardware the driver stages plain uploads by itself; the budget bounds what that costs a frame.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from gpu.gl.gl_state import UploadState

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from gpu.gl.pixel_format import Pixels
    from gpu.gl.texture_pool import TexturePool


class ReadyTile(NamedTuple):
    """A decoded tile that waits for a layer.

    Attributes:
        key: whatever names the tile.
        mips: arrays as for TexturePool.upload.
        depth: steps below the slide's coarsest level (0); the deeper, the earlier evicted.
        pinned: never evicted.
    """

    key: Hashable
    mips: Sequence[Pixels]
    depth: int
    pinned: bool


def upload_ready(
    pool: TexturePool, items: Iterable[ReadyTile], budget_ms: float, frame: int
) -> dict[Hashable, int]:
    """Upload tiles in the order given until the budget is spent, but always at least one; on the thread of
    the pool's context. Uploading stops when every layer is pinned or in use.

    Args:
        items: the most urgent tile first; consumed only as far as needed.
        budget_ms: time after which no further tile is begun.
        frame: number of the present frame, for the eviction order.

    Returns:
        The slots of the tiles uploaded now, by key, in the order given.

    Raises:
        GpuError: a tile's arrays do not fit the pool; the tiles before it are in.
    """
    deadline_s = time.perf_counter() + budget_ms / 1000.0
    slots = pool.slots
    uploaded: dict[Hashable, int] = {}
    with UploadState():
        for key, mips, depth, pinned in items:
            if uploaded and time.perf_counter() >= deadline_s:
                break
            pool.check_mips(mips)
            slot = slots.allocate(key, depth=depth, pinned=pinned, frame=frame)
            if slot is None:
                break
            pool.upload(slot, mips)
            uploaded[key] = slot
    return uploaded
