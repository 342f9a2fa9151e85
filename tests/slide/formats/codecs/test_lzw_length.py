"""The length of an LZW stream, measured by its codes, against what an encoder put in."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from viewer.slide.formats.codecs import lzw
from viewer.slide.formats.codecs.lzw import lzw_length

RANDOM = np.random.default_rng(0)
CONTENTS = {
    "none": b"",
    "one": b"a",
    "run": bytes(500_000),
    "noise": RANDOM.bytes(50_000),
    "few values": RANDOM.integers(0, 3, 300_000, dtype=np.uint8).tobytes(),
}


@pytest.mark.parametrize("content", CONTENTS)
def test_length(content: str) -> None:
    data = bytes(imagecodecs.lzw_encode(CONTENTS[content]))
    assert lzw_length(data, 10**9) == len(CONTENTS[content])


def test_of_a_cut_or_damaged_stream_what_comes_before() -> None:
    data = bytes(imagecodecs.lzw_encode(CONTENTS["noise"]))
    half = lzw_length(data[: len(data) // 2], 10**9)
    assert half is not None
    assert 20_000 < half < 30_000
    # Clear, then a code that no entry can have yet.
    assert lzw_length(bytes([0x80, 0x4F, 0xFF, 0xFF, 0xFF]), 10**9) == 0


def test_it_counts_no_further_than_is_asked() -> None:
    data = bytes(imagecodecs.lzw_encode(CONTENTS["noise"]))
    found = lzw_length(data, 1000)
    assert found is not None
    assert 1000 <= found < 10_000


def test_what_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lzw_length(b"\0\1" + bytes(50), 10) is None  # bits from the right
    assert lzw_length(np.packbits(np.tile([1] + [0] * 8, 4000)).tobytes(), 10) is None  # nothing but Clear
    assert lzw_length(b"\x80" + bytes(9000), 10**6) is None  # no Clear at all
    monkeypatch.setattr(lzw, "_MOST_BYTES", 10)
    assert lzw_length(bytes(imagecodecs.lzw_encode(CONTENTS["noise"])), 10) is None
