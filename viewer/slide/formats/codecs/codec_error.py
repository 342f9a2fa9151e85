"""CodecError, and the check of what a coded picture claims before anything is allocated for it."""

from __future__ import annotations

from viewer.slide.formats.codecs import strings


class CodecError(Exception):
    """A coded picture that cannot be decoded, or that contradicts what its file states about it."""


def check_claim(found: tuple[int, int, int], expected: tuple[int, int, int]) -> None:
    """Raise CodecError where the (width, height, samples) of a picture's header are not the expected ones."""
    if found != expected:
        raise CodecError(
            strings.TILE_SAMPLES.format(
                width=found[0],
                height=found[1],
                samples=found[2],
                expected_width=expected[0],
                expected_height=expected[1],
                expected_samples=expected[2],
            )
        )
