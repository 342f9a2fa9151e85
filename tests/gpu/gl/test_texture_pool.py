"""The texture pool: what is uploaded is what lies in the layer."""

from __future__ import annotations

import numpy as np
import pytest
from OpenGL import GL

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.pixel_format import PixelFormat
from gpu.gl.texture_pool import TexturePool
from tests.gpu.gl.conftest import Cut, put
from tests.messages import pattern


def layers_of(pool, mip):
    """All layers of one mip, uint8 (layers, side, side, 4)."""
    side = pool.layer_px >> mip
    texels = np.zeros((pool.layers, side, side, 4), np.uint8)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, pool.name)
    GL.glGetTexImage(GL.GL_TEXTURE_2D_ARRAY, mip, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, texels)
    GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, 0)
    return texels


def noise(rng, height, width, mips):
    return [rng.integers(0, 256, (-(-height >> m), -(-width >> m), 4), np.uint8) for m in range(mips)]


def test_every_mip_of_a_full_tile_arrives(make_pool, rng):
    pool = make_pool(64, 4, 3)
    mips = noise(rng, 64, 64, 3)
    put(pool, 2, mips)
    for mip, pixels in enumerate(mips):
        assert (layers_of(pool, mip)[2] == pixels).all()


def test_partial_tile_fills_the_corner(make_pool, rng):
    pool = make_pool(64, 4, 3)
    full, partial = noise(rng, 64, 64, 3), noise(rng, 37, 21, 3)
    put(pool, 1, full)
    put(pool, 1, partial)
    for mip, pixels in enumerate(partial):
        height, width = pixels.shape[:2]
        layer = layers_of(pool, mip)[1]
        assert (layer[:height, :width] == pixels).all()
        assert (layer[height:] == full[mip][height:]).all()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda mips: mips[:2], "needs 3 mips"),
        (lambda mips: [mips[0], mips[1][:-1], mips[2]], "mip 1"),
        (lambda mips: [mips[0].astype(np.int16), *mips[1:]], "int16"),
        (lambda mips: [mips[0][..., :3], *mips[1:]], "mip 0"),
        (lambda mips: [np.asfortranarray(mips[0]), *mips[1:]], "contiguous"),
        (lambda mips: [np.zeros((65, 64, 4), np.uint8), *mips[1:]], "does not fit"),
        (lambda mips: [np.zeros((0, 64, 4), np.uint8), *mips[1:]], "does not fit"),
    ],
)
def test_wrong_arrays_are_refused_before_the_upload(make_pool, rng, spoil, message):
    pool = make_pool(64, 4, 3)
    with pytest.raises(GpuError, match=message):
        put(pool, 0, spoil(noise(rng, 64, 64, 3)))
    assert not layers_of(pool, 0)[0].any()


@pytest.mark.parametrize("slot", [-1, 4])
def test_slot_outside_the_pool_is_refused(make_pool, rng, slot):
    with pytest.raises(GpuError, match="no slot"):
        put(make_pool(64, 4, 3), slot, noise(rng, 64, 64, 3))


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ((1 << 20, 1, 1), pattern(strings.POOL_LIMIT, quantity=strings.LAYER_SIDE, value=1 << 20)),
        ((64, 1 << 20, 1), pattern(strings.POOL_LIMIT, quantity=strings.LAYER_COUNT, value=1 << 20)),
        ((64, 0, 1), pattern(strings.POOL_LIMIT, quantity=strings.LAYER_COUNT, value=0)),
        ((60, 4, 4), "halving must stay exact"),
        ((0, 4, 1), "halving must stay exact"),
    ],
)
def test_impossible_pools_are_refused(sizes, message):
    with pytest.raises(GpuError, match=message):
        TexturePool(*sizes)


def test_pool_that_memory_cannot_hold_is_refused_with_its_size():
    """16,384² × 2,048 layers are 2 TiB; both numbers are within llvmpipe's limits."""
    with pytest.raises(GpuError, match=pattern(strings.MAKING_POOL, mib=2_097_152)):
        TexturePool(16384, 2048, 1)


def test_bytes_counts_all_mips(make_pool):
    assert make_pool(64, 4, 3).bytes == 4 * 4 * (64**2 + 32**2 + 16**2)


def test_works_without_texture_storage(rng, monkeypatch):
    """OpenGL 3.3 has no glTexStorage3D; the other way must give the same texture."""
    monkeypatch.setattr("gpu.gl.texture_pool.GL.glTexStorage3D", None)
    pool = TexturePool(64, 3, 3)
    mips = noise(rng, 64, 64, 3)
    put(pool, 2, mips)
    assert all((layers_of(pool, mip)[2] == pixels).all() for mip, pixels in enumerate(mips))
    pool.release()


def test_release_deletes_the_texture():
    pool = TexturePool(64, 3, 1)
    name = pool.name
    pool.release()
    pool.release()
    assert not GL.glIsTexture(name)


class TestOneSample:
    """Pools for one channel, of 8 and of 16 bits."""

    @pytest.mark.parametrize(
        ("pixel_format", "dtype", "gl_type"),
        [
            (PixelFormat.R8, np.uint8, GL.GL_UNSIGNED_BYTE),
            (PixelFormat.R16, np.uint16, GL.GL_UNSIGNED_SHORT),
        ],
    )
    @pytest.mark.parametrize("storage", [True, False])
    def test_every_value_is_stored_whatever_the_width(
        self, rng, monkeypatch, pixel_format, dtype, gl_type, storage
    ):
        if not storage:
            monkeypatch.setattr("gpu.gl.texture_pool.GL.glTexStorage3D", None)
        pool = TexturePool(64, 2, 2, pixel_format)
        values = [rng.integers(0, np.iinfo(dtype).max, shape, dtype) for shape in ((64, 37, 1), (32, 19, 1))]
        put(pool, 1, values)
        for mip, stored in enumerate(values):
            texels = np.zeros((2, 64 >> mip, 64 >> mip), dtype)
            GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, pool.name)
            GL.glGetTexImage(GL.GL_TEXTURE_2D_ARRAY, mip, GL.GL_RED, gl_type, texels)
            GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, 0)
            assert (texels[1, :, : stored.shape[1]] == stored[..., 0]).all()
        assert pool.bytes == 2 * (64**2 + 32**2) * values[0].itemsize
        pool.release()

    def test_16_bits_reach_the_shader(self, render):
        """Values that are one and the same in 8 bits, told apart by 1,000 times the contrast; opaque grey."""
        steps = np.arange(-24, 24).astype(np.int32)
        values = (32768 + steps).astype(np.uint16).reshape(1, 48, 1).repeat(48, axis=0)
        pool = TexturePool(48, 1, 1, PixelFormat.R16)
        put(pool, 0, [np.ascontiguousarray(values)])
        drawn = render(
            pool, Cut(pool, 48, 48, [(0, 0, 0)]).instances(downsample=1.0), size=(48, 48), contrast=1000.0
        )
        wanted = np.clip((values[0, :, 0] / 65535 - 0.5) * 1000 + 0.5, 0, 1) * 255
        assert np.abs(drawn[..., :3] - wanted[None, :, None]).max() <= 1.0
        assert len(np.unique(drawn[..., 0])) == 48
        pool.release()

    def test_arrays_of_another_format_are_refused(self, rng):
        pool = TexturePool(64, 2, 1, PixelFormat.R16)
        with pytest.raises(GpuError, match=r"uint16 of shape \(64, 64, 1\), not uint8 of \(64, 64, 4\)"):
            put(pool, 0, noise(rng, 64, 64, 1))
        pool.release()

    def test_the_format_follows_the_samples(self):
        assert [PixelFormat.of(4, 8), PixelFormat.of(1, 8), PixelFormat.of(1, 16)] == list(PixelFormat)
        with pytest.raises(GpuError, match="no texture format for 3 samples of 12 bits"):
            PixelFormat.of(3, 12)
