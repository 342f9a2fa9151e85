"""Tiles in video memory: one texture array, a layer with its own mip chain per tile.

Colours are stored premultiplied by alpha. The array is allocated once and never resized; gpu.gl.slot_table
assigns layers to tiles.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

from OpenGL import GL
from OpenGL.error import GLError
from OpenGL.raw.GL.VERSION.GL_1_1 import glBindTexture
from OpenGL.raw.GL.VERSION.GL_1_2 import glTexSubImage3D

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.context import check
from gpu.gl.gl_state import GL_TEXTURE_2D_ARRAY, UploadState
from gpu.gl.pixel_format import PixelFormat
from gpu.gl.slot_table import SlotTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpu.gl.pixel_format import Pixels

_LAYER_STEP_PX = 8
_MIP_CHAIN_SHARE = 4 / 3


def layer_side_px(tile_px: int, mip_levels: int) -> int:
    """The side of the smallest layer that holds tiles of `tile_px` and halves exactly."""
    step = max(_LAYER_STEP_PX, 1 << (mip_levels - 1))
    return -(-tile_px // step) * step


def layers_within(pool_bytes: int, layer_px: int, pixel_format: PixelFormat) -> int:
    """How many layers with their mips fit into so many bytes, and into an array of the current context."""
    layer_bytes = layer_px**2 * pixel_format.bytes_per_texel * _MIP_CHAIN_SHARE
    return min(int(pool_bytes / layer_bytes), int(GL.glGetIntegerv(GL.GL_MAX_ARRAY_TEXTURE_LAYERS)))


class TexturePool:
    """Layers for tiles of at most layer_px × layer_px texels, in the current context.

    Software OpenGL clears all of it at once (0.6 ms a MiB, resident from then on). A lost context takes the
    pool with it: drop the object without release() and make a new one.

    Args:
        layer_px: side of a layer, a multiple of 2^(mip_levels - 1).
        layers: number of tiles that fit.
        mip_levels: mips per layer, the full size included.
        pixel_format: how a texel is stored.

    Raises:
        GpuError: the sizes are beyond what this driver allows, or the memory is not there.
    """

    def __init__(
        self, layer_px: int, layers: int, mip_levels: int, pixel_format: PixelFormat = PixelFormat.RGBA8
    ) -> None:
        if layer_px < 1 or mip_levels < 1 or layer_px % (1 << (mip_levels - 1)) != 0:
            raise GpuError(f"a layer of {layer_px} px cannot have {mip_levels} mips: halving must stay exact")
        for value, limit_name, quantity in (
            (layer_px, GL.GL_MAX_TEXTURE_SIZE, strings.LAYER_SIDE),
            (layers, GL.GL_MAX_ARRAY_TEXTURE_LAYERS, strings.LAYER_COUNT),
        ):
            limit = int(GL.glGetIntegerv(limit_name))
            if not 1 <= value <= limit:
                raise GpuError(strings.POOL_LIMIT.format(quantity=quantity, value=value, limit=limit))
        self.layer_px = layer_px
        self.layers = layers
        self.mip_levels = mip_levels
        self.pixel_format = pixel_format
        self.slots = SlotTable(layers)
        check(strings.BEFORE_POOL)
        self.name = int(GL.glGenTextures(1))
        action = strings.MAKING_POOL.format(mib=self.bytes / 2**20)
        try:
            with UploadState():
                self._allocate()
            check(action)
        except GLError as error:
            # PyOpenGL's own check, where it is on, comes before ours.
            self.release()
            raise GpuError(strings.GL_ERRORS.format(action=action, errors=repr(error.description))) from error
        except GpuError:
            self.release()
            raise

    @property
    def bytes(self) -> int:
        """Video memory of all layers with their mips."""
        texels = sum((self.layer_px >> mip) ** 2 for mip in range(self.mip_levels))
        return texels * self.layers * self.pixel_format.bytes_per_texel

    def check_mips(self, mips: Sequence[Pixels]) -> None:
        """Raise GpuError unless `mips` fit a layer: see upload."""
        if len(mips) != self.mip_levels:
            raise GpuError(f"a tile needs {self.mip_levels} mips, not {len(mips)}")
        height, width = mips[0].shape[:2]
        if not (1 <= width <= self.layer_px and 1 <= height <= self.layer_px):
            raise GpuError(f"a tile of {width}×{height} px does not fit a layer of {self.layer_px} px")
        samples, dtype = self.pixel_format.samples, self.pixel_format.dtype
        for mip, pixels in enumerate(mips):
            shape = (-(-height >> mip), -(-width >> mip), samples)
            if pixels.shape != shape or pixels.dtype != dtype or not pixels.flags.c_contiguous:
                raise GpuError(
                    f"mip {mip} of a {width}×{height} px tile must be contiguous {dtype} of shape {shape}, "
                    f"not {pixels.dtype} of {pixels.shape}"
                )

    def upload(self, slot: int, mips: Sequence[Pixels]) -> None:
        """Fill a layer, within an UploadState: one around many tiles.

        Args:
            slot: layer, as given by self.slots.allocate.
            mips: mip_levels arrays of the format's type and samples, C-contiguous; mip i is
                (ceil(h / 2^i), ceil(w / 2^i), samples).

        Raises:
            GpuError: the arrays or the slot do not fit; nothing was uploaded.
        """
        self.check_mips(mips)
        if not 0 <= slot < self.layers:
            raise GpuError(f"there is no slot {slot} in a pool of {self.layers}")
        layout, gl_type = self.pixel_format.layout, self.pixel_format.gl_type
        glBindTexture(GL_TEXTURE_2D_ARRAY, self.name)
        for mip, pixels in enumerate(mips):
            height, width = pixels.shape[:2]
            # __array_interface__, not .ctypes: the latter builds an object, 2 µs for each mip.
            address = ctypes.c_void_p(pixels.__array_interface__["data"][0])
            glTexSubImage3D(GL_TEXTURE_2D_ARRAY, mip, 0, 0, slot, width, height, 1, layout, gl_type, address)

    def release(self) -> None:
        """Delete the texture; the pool's context must be current and alive."""
        if self.name:
            GL.glDeleteTextures([self.name])
            self.name = 0

    def _allocate(self) -> None:
        target, stored, side = GL.GL_TEXTURE_2D_ARRAY, self.pixel_format, self.layer_px
        GL.glBindTexture(target, self.name)
        if bool(GL.glTexStorage3D):
            GL.glTexStorage3D(target, self.mip_levels, stored.internal, side, side, self.layers)
        else:
            empty = self.layers, 0, stored.layout, stored.gl_type, None
            for mip in range(self.mip_levels):
                GL.glTexImage3D(target, mip, stored.internal, side >> mip, side >> mip, *empty)
        GL.glTexParameteri(target, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
        GL.glTexParameteri(target, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
        GL.glTexParameteri(target, GL.GL_TEXTURE_MAX_LEVEL, self.mip_levels - 1)
        if stored.samples == 1:
            for channel in (GL.GL_TEXTURE_SWIZZLE_G, GL.GL_TEXTURE_SWIZZLE_B):
                GL.glTexParameteri(target, channel, GL.GL_RED)
        # Clamping at the layer's edges is what keeps tiles apart: see shaders/sampling.glsl.
        GL.glTexParameteri(target, GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE)
        GL.glTexParameteri(target, GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE)
