"""What this room says to the reader; ``{name}`` stands for a value. Each follows the name of a tile."""

from __future__ import annotations

DAMAGED = "damaged {coding}: {error}"
TILE_SAMPLES = (
    "it claims {width}×{height} px of {samples} samples, "
    "not {expected_width}×{expected_height} of {expected_samples}"
)
TILE_BITS = "it holds samples of {found} bits, not {expected}"
HALF_TILE = "half of it came out as {shape}"
NO_JPEG_2000_HEADER = "it does not begin like JPEG 2000"
INNER_TILES = "it claims inner tiles of {width}×{height} px"
NO_JPEG_HEADER = "it does not begin like a JPEG"
NO_JPEG_TABLES = "its JPEG tables do not begin like a JPEG"
NO_FRAME_HEADER = "it has no frame header"
SHORT_FRAME_HEADER = "its frame header is too short"
NO_MARKER = "no JPEG marker at byte {position}"
SEGMENT_TRUNCATED = "the JPEG segment at byte {position} is cut short"
