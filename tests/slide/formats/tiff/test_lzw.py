"""LZW streams: what an encoder wrote comes back, and damage is an error and no crash."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from viewer.slide.formats.tiff.raw import lzw_decode


def content(size: int) -> bytes:
    rng = np.random.default_rng(size)
    return np.repeat(rng.integers(0, 256, size, np.uint8), 3)[:size].tobytes()


@pytest.mark.parametrize("size", [1, 7, 4096, 196_608, 90_000_000])
def test_what_was_written_comes_back(size: int) -> None:
    assert lzw_decode(imagecodecs.lzw_encode(content(size)), size) == content(size)


def test_damage_is_an_error_and_no_crash_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(1)
    whole = np.frombuffer(imagecodecs.lzw_encode(content(4096)), np.uint8)
    refused = 0
    for _ in range(300):
        damaged = whole.copy()
        damaged[rng.integers(0, whole.size, 4)] = rng.integers(0, 256, 4)
        try:
            assert len(lzw_decode(damaged.tobytes(), 4096)) == 4096
        except RuntimeError:
            refused += 1
    assert refused > 100
    for cut in (b"", whole[:50].tobytes()):
        with pytest.raises(RuntimeError, match=r"\S"):
            lzw_decode(cut, 4096)
    assert capfd.readouterr() == ("", "")
