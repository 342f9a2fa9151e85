"""Pillow's limit of pixels lifted and its warnings gathered: switches of the whole process, so for one thread
at a time.
"""

from __future__ import annotations

import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = threading.Lock()


@contextmanager
def pillow_unlimited() -> Iterator[list[warnings.WarningMessage]]:
    """Pillow without its own limit, which is below ours; the warnings that it gives meanwhile."""
    with _lock, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield caught
        finally:
            Image.MAX_IMAGE_PIXELS = limit
