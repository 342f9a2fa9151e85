"""What opening a slide reads, counted at its bytes, and slides whose bytes are elsewhere."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from tests.messages import pattern
from tests.slide.byte_sources import MeasuredBytes
from viewer.slide import byte_source, strings
from viewer.slide.formats import strings as formats
from viewer.slide.formats.registry import open_slide
from viewer.slide.formats.tiff.strings import NOT_TIFF, TILE
from viewer.slide.geometry import TileKey
from viewer.slide.source import SlideError, TileError
from viewer.stream.streamer import Streamer, TileState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from viewer.slide.source import Source

    AperioSlide = Callable[..., Path]


@pytest.fixture
def opened_bytes(monkeypatch: pytest.MonkeyPatch) -> list[MeasuredBytes]:
    """The bytes that were opened, at paths and at ``far:`` addresses."""
    opened: list[MeasuredBytes] = []

    def open_measured(locator: byte_source.Locator) -> MeasuredBytes:
        opened.append(MeasuredBytes(locator))
        return opened[-1]

    monkeypatch.setitem(byte_source.SCHEMES, "file", open_measured)
    monkeypatch.setitem(byte_source.SCHEMES, "far", open_measured)
    return opened


def parses(path: Path, measured: MeasuredBytes) -> list[int]:
    """How often each directory of a TIFF was read: its count of tags stands at its offset."""
    with tifffile.TiffFile(path) as tiff:
        return [measured.reads.count((page.offset, tiff.tiff.tagnosize)) for page in tiff.pages]


def test_an_svs_is_opened_with_one_parse_of_its_directories(
    aperio_slide: AperioSlide, opened_bytes: list[MeasuredBytes]
) -> None:
    path = aperio_slide(ratios=(1, 4))
    with closing(open_slide(path)) as source:
        assert source.info.reader == "tiff (direct)"
        (measured,) = opened_bytes
        assert parses(path, measured) == [1, 1]


def test_a_tiff_left_to_openslide_is_parsed_once_all_the_same(
    tmp_path: Path, opened_bytes: list[MeasuredBytes]
) -> None:
    path = tmp_path / "a.tif"
    tile = {"tile": (2048, 2048), "photometric": "rgb", "compression": "lzw", "metadata": None}
    tifffile.imwrite(path, np.zeros((2000, 3000, 3), np.uint8), **tile)
    with closing(open_slide(path)) as source:
        assert source.info.reader == "openslide"
    (measured,) = opened_bytes
    assert parses(path, measured) == [1]
    assert measured.is_closed, "OpenSlide reads the file by itself"


def test_values_that_stand_in_a_directory_are_not_read_again(
    aperio_slide: AperioSlide, opened_bytes: list[MeasuredBytes]
) -> None:
    path = aperio_slide()
    open_slide(path).close()
    with tifffile.TiffFile(path) as tiff:
        inside = {tag.valueoffset for page in tiff.pages for tag in page.tags if tag.valuebytecount <= 4}
    assert inside
    assert not inside & {offset for offset, _count in opened_bytes[0].reads}


def test_reads_at_opening_do_not_grow_with_the_number_of_tiles(
    aperio_slide: AperioSlide, opened_bytes: list[MeasuredBytes]
) -> None:
    for name, width in (("small.svs", 600), ("large.svs", 2400)):
        open_slide(aperio_slide(name, width=width, height=width)).close()
    small, large = (len(measured.reads) for measured in opened_bytes)
    assert small == large


def test_a_reader_closes_the_bytes_that_it_keeps_and_refused_ones_are_closed(
    aperio_slide: AperioSlide, tmp_path: Path, opened_bytes: list[MeasuredBytes]
) -> None:
    source = open_slide(aperio_slide())
    assert not opened_bytes[0].is_closed
    source.close()
    assert opened_bytes[0].is_closed
    text = tmp_path / "text.svs"
    text.write_text("no slide")
    with pytest.raises(SlideError):
        open_slide(text)
    assert opened_bytes[1].is_closed


def test_a_tiff_elsewhere_is_read_through_its_bytes_alone(
    aperio_slide: AperioSlide, opened_bytes: list[MeasuredBytes]
) -> None:
    path = aperio_slide(tile=256)
    with closing(open_slide(path)) as local, closing(open_slide(f"far://host{path}")) as remote:
        assert (remote.info.path, remote.info.reader) == (path, "tiff (direct)")
        key = TileKey(0, 1, 1)
        assert np.array_equal(remote.read_tile(key), local.read_tile(key))
        assert opened_bytes[1].reads[-1] == opened_bytes[0].reads[-1]


@pytest.mark.usefixtures("opened_bytes")
def test_formats_that_need_a_file_say_so_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"no picture")
    attempts = (
        (formats.AS_TIFF, NOT_TIFF),
        (formats.AS_DICOM, formats.LOCAL_ONLY),
        (formats.WITH_OPENSLIDE, formats.LOCAL_ONLY),
        (formats.AS_IMAGE, formats.LOCAL_ONLY),
    )
    reasons = "; ".join(formats.ATTEMPT.format(attempt=attempt, reason=why) for attempt, why in attempts)
    with pytest.raises(SlideError) as error:
        open_slide(f"far://host{path}")
    assert str(error.value) == f"far://host{path}: {formats.CANNOT_OPEN.format(reasons=reasons)}"


def test_an_address_that_nothing_reads_is_refused_in_one_sentence() -> None:
    with pytest.raises(SlideError) as error:
        open_slide("s3://bucket/a.svs")
    assert str(error.value) == f"s3://bucket/a.svs: {strings.UNKNOWN_SCHEME.format(scheme='s3')}"


def test_a_file_url_opens_the_file(aperio_slide: AperioSlide, opened: Callable[[str], Source]) -> None:
    path = aperio_slide("schräg 😐 %20.svs")
    assert opened(path.as_uri()).info.path == path


@pytest.mark.parametrize("tile", [64, 256])
def test_a_remote_tile_is_fetched_and_decoded_in_two_steps(
    tile: int, aperio_slide: AperioSlide, opened_bytes: list[MeasuredBytes]
) -> None:
    """Also where an engine tile is gathered from several of the file."""
    path = aperio_slide(tile=tile)
    with closing(open_slide(path)) as local, closing(open_slide(f"far://host{path}")) as remote:
        assert (local.is_remote, remote.is_remote) == (False, True)
        for key in (TileKey(0, 0, 0), TileKey(0, 1, 2), TileKey(1, 0, 0), TileKey(2, 0, 0)):
            fetched = remote.fetch_tile(key)
            reads = len(opened_bytes[1].reads)
            pixels = remote.decode_tile(key, fetched)
            assert len(opened_bytes[1].reads) == reads, "decoding waits for no bytes"
            assert np.array_equal(pixels, local.read_tile(key))


def test_damage_is_met_where_it_shows(
    aperio_slide: AperioSlide, opened_bytes: list[MeasuredBytes], patch_tiff: Callable[..., None]
) -> None:
    path = aperio_slide(width=1100, height=830, ratios=(1,), tile=256)
    patch_tiff(path, 0, 324, {1: 8})
    patch_tiff(path, 0, 325, {2: 2**31})
    with closing(open_slide(f"far://host{path}")) as source:
        fetched = source.fetch_tile(TileKey(0, 1, 0))
        with pytest.raises(TileError, match=pattern(TILE, column=1, row=0)):
            source.decode_tile(TileKey(0, 1, 0), fetched)
        for key in (TileKey(0, 2, 0), TileKey(0, 99, 0), TileKey(9, 0, 0)):
            with pytest.raises(TileError):
                source.fetch_tile(key)
    assert opened_bytes[0].is_closed


def test_tiles_cut_from_one_large_tile_of_the_file_fetch_it_once(
    tmp_path: Path, opened_bytes: list[MeasuredBytes]
) -> None:
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(1).integers(0, 255, (2048, 2048, 3), np.uint8)
    tifffile.imwrite(path, pixels, tile=(2048, 2048), photometric="rgb", metadata=None)
    with closing(open_slide(f"far://host{path}")) as source:
        before = len(opened_bytes[0].reads)
        for key in (TileKey(0, 0, 0), TileKey(0, 3, 3)):
            tile = source.decode_tile(key, source.fetch_tile(key))
            assert np.array_equal(tile[..., :3], pixels[512 * key.row :, 512 * key.col :][:512, :512])
        assert len(opened_bytes[0].reads) == before  # opening has decoded it, to check the file


def test_tiles_of_a_remote_tiff_are_on_their_way_together(
    aperio_slide: AperioSlide, opened_bytes: list[MeasuredBytes]
) -> None:
    path = aperio_slide(width=1100, height=830, ratios=(1,), tile=256)
    came_in = threading.Semaphore(0)
    with closing(open_slide(f"far://host{path}")) as source:
        (measured,) = opened_bytes
        measured.gate.clear()
        before = len(measured.reads)
        streamer = Streamer(source, cache_bytes=1 << 30, on_tile=came_in.release, workers=1)
        keys = [TileKey(0, column, row) for row in range(3) for column in range(4)]
        streamer.request(keys, urgent=len(keys))
        deadline_s = time.monotonic() + 20
        while len(measured.reads) < before + len(keys) and time.monotonic() < deadline_s:
            time.sleep(0.001)
        assert len(measured.reads) == before + len(keys), "all twelve wait, with one worker to decode them"
        measured.gate.set()
        for _ in keys:
            assert came_in.acquire(timeout=20)
        assert {streamer.state(key) for key in keys} == {TileState.READY}
        assert streamer.close()
