"""Draws all tiles of a frame with one instanced call.

Space: framebuffer pixels, y down. A tile's rectangle is given relative to the view's centre and before
rotation; the pixel of a point p is framebuffer_px / 2 + R(rotation_rad) p with R = [[cos, -sin], [sin,
cos]], so that a positive angle turns the picture clockwise on the screen.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from OpenGL import GL
from OpenGL.raw.GL.VERSION.GL_1_0 import glColorMask, glViewport
from OpenGL.raw.GL.VERSION.GL_1_1 import glBindTexture
from OpenGL.raw.GL.VERSION.GL_1_3 import glActiveTexture
from OpenGL.raw.GL.VERSION.GL_1_5 import glBindBuffer, glBufferData
from OpenGL.raw.GL.VERSION.GL_2_0 import glUseProgram
from OpenGL.raw.GL.VERSION.GL_3_0 import glBindVertexArray, glClearBufferfv
from OpenGL.raw.GL.VERSION.GL_3_1 import glDrawArraysInstanced

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.context import check
from gpu.gl.gl_state import (
    GL_TEXTURE0,
    GL_TEXTURE_2D_ARRAY,
    GL_TEXTURE_3D,
    ICC_UNIT,
    TILE_UNIT,
    DrawState,
    UploadState,
)
from gpu.gl.program import Program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gpu.gl.texture_pool import TexturePool

NO_TILE = -1
"""Slot of a tile or ancestor that is not in the pool."""

TILE_INSTANCE = np.dtype(
    [
        # x0, y0, x1, y1 in framebuffer pixels from the view's centre, before rotation. Compute them in
        # float64 and from the same numbers for tiles that share an edge: equal float32 edges leave no cracks.
        ("rect_px", "<f4", 4),
        # Valid width and height of the tile's mip 0 in texels; the rectangle shows exactly these.
        ("tile_size", "<f4", 2),
        # log2 of texels of the tile's mip 0 per framebuffer pixel: 0 is 1:1, negative is magnified.
        ("tile_lod", "<f4"),
        # 0 shows the ancestor, 1 the tile. Without an ancestor the tile shows at once.
        ("fade", "<f4"),
        # Part of the ancestor that lies under the rectangle: x0, y0, x1, y1 in texels of its mip 0.
        ("ancestor_rect", "<f4", 4),
        # Valid width and height of the ancestor's mip 0, and its lod.
        ("ancestor_size", "<f4", 2),
        ("ancestor_lod", "<f4"),
        # Layers in the pool, or NO_TILE.
        ("tile_slot", "<i4"),
        ("ancestor_slot", "<i4"),
        # Red, green, blue, strength: colour laid over the tile where FrameState.debug is on.
        ("tint", "u1", 4),
    ]
)
"""One tile as the shader reads it. See the comments at the fields; 72 bytes."""

# Attribute location in tile.vert, first field, component count, GL type.
_ATTRIBUTES = (
    (0, "rect_px", 4, GL.GL_FLOAT),
    (1, "tile_size", 4, GL.GL_FLOAT),
    (2, "ancestor_rect", 4, GL.GL_FLOAT),
    (3, "ancestor_size", 3, GL.GL_FLOAT),
    (4, "tile_slot", 2, GL.GL_INT),
    (5, "tint", 4, GL.GL_UNSIGNED_BYTE),
)

_GL_ARRAY_BUFFER = 0x8892
_GL_STREAM_DRAW = 0x88E0
_GL_TRIANGLE_STRIP = 0x0005
_GL_COLOR = 0x1800
_MIN_LUT_ENTRIES = 2


@dataclass(frozen=True)
class Foveation:
    """A frame that is as coarse away from the gaze as the eye is: for research, never for exported pictures.

    Attributes:
        gaze_px: where the eye looks, in framebuffer pixels, y down.
        tangent_per_px: a framebuffer pixel's side over the distance from which it is seen.
        radius_deg: how far from there the eye may look.
    """

    gaze_px: tuple[float, float]
    tangent_per_px: float
    radius_deg: float


@dataclass(frozen=True)
class FrameState:
    """What holds for a whole frame.

    Attributes:
        width_px, height_px: size of the framebuffer.
        rotation_rad: turn of the picture, clockwise on the screen.
        background: red, green, blue in 0..1, where there is no tile and under transparent pixels.
        brightness: added, -1..1; 0 is neutral.
        contrast: factor about mid-grey, >= 0; 1 is neutral.
        gamma: exponent 1 / gamma, > 0; 1 is neutral.
        icc: use the table given to TileRenderer.set_lut.
        nearest: magnified tiles (lod < 0) show their pixels as squares.
        debug: draw tile borders and tints.
        foveation: coarser away from the gaze; None is sharp everywhere.

    Raises:
        ValueError: a value is outside its range.
    """

    width_px: int
    height_px: int
    rotation_rad: float = 0.0
    background: tuple[float, float, float] = (1.0, 1.0, 1.0)
    brightness: float = 0.0
    contrast: float = 1.0
    gamma: float = 1.0
    icc: bool = False
    nearest: bool = True
    debug: bool = False
    foveation: Foveation | None = None

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"a frame of {self.width_px}×{self.height_px} px cannot be drawn")
        if not math.isfinite(self.rotation_rad):
            raise ValueError(f"rotation must be finite, not {self.rotation_rad}")
        if not (
            -1.0 <= self.brightness <= 1.0 and 0.0 <= self.contrast < math.inf and 0.0 < self.gamma < math.inf
        ):
            raise ValueError(
                f"brightness {self.brightness} must be in -1..1, contrast {self.contrast} at least 0, "
                f"gamma {self.gamma} above 0"
            )

    @property
    def adjusts_colour(self) -> bool:
        """Whether brightness, contrast or gamma change anything."""
        return self.brightness != 0.0 or self.contrast != 1.0 or self.gamma != 1.0


class _Variant:
    """A compiled form of the tile program and the frame whose uniforms it has."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.frame: tuple[FrameState, int] | None = None


class TileRenderer:
    """Draws tiles of one pool in the current context.

    A lost context takes the renderer with it: drop the object without release() and make a new one.

    Raises:
        GpuError: the shaders do not compile on this driver.
    """

    def __init__(self, pool: TexturePool) -> None:
        self._pool = pool
        self._variants: dict[tuple[str, ...], _Variant] = {}
        self._lut_name = 0
        self._lut_entries = 0
        self._vertex_array = int(GL.glGenVertexArrays(1))
        self._instance_buffer = int(GL.glGenBuffers(1))
        with DrawState():
            self._describe_instances()
            # The two that nearly every frame needs; others are compiled when first used.
            self._variant(())
            self._variant(("ANCESTORS",))
        check(strings.MAKING_TILE_RENDERER)

    def set_lut(self, lut: NDArray[np.uint8] | None) -> None:
        """Set the colour table that FrameState.icc switches on, or remove it.

        Args:
            lut: uint8 (n, n, n, 3), indexed [r][g][b], from stored values to sRGB; n >= 2.

        Raises:
            GpuError: the table's shape is wrong or too large for this driver.
        """
        if lut is None:
            self._delete_lut()
            return
        entries = lut.shape[0] if lut.ndim > 0 else 0
        limit = int(GL.glGetIntegerv(GL.GL_MAX_3D_TEXTURE_SIZE))
        if lut.shape != (entries, entries, entries, 3) or lut.dtype != np.uint8:
            raise GpuError(
                f"a colour table must be uint8 of shape (n, n, n, 3), not {lut.dtype} of {lut.shape}"
            )
        if not _MIN_LUT_ENTRIES <= entries <= limit:
            raise GpuError(strings.TABLE_LIMIT.format(entries=entries, limit=limit))
        self._delete_lut()
        texels = np.full((entries, entries, entries, 4), 255, np.uint8)
        texels[..., :3] = lut
        name = int(GL.glGenTextures(1))
        with UploadState():
            target = GL.GL_TEXTURE_3D
            GL.glBindTexture(target, name)
            for parameter in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T, GL.GL_TEXTURE_WRAP_R):
                GL.glTexParameteri(target, parameter, GL.GL_CLAMP_TO_EDGE)
            GL.glTexParameteri(target, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR)
            GL.glTexParameteri(target, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
            GL.glTexImage3D(
                target, 0, GL.GL_RGBA8, entries, entries, entries, 0, GL.GL_RGBA, GL.GL_UNSIGNED_BYTE, texels
            )
        self._lut_name, self._lut_entries = name, entries
        check(strings.SETTING_TABLE.format(entries=entries))

    def draw(self, instances: NDArray[Any], frame: FrameState) -> None:
        """Clear the current framebuffer's colour and draw all tiles; other OpenGL state is left as found.

        Depth is neither tested, written nor cleared.

        Args:
            instances: (n,) of TILE_INSTANCE, C-contiguous; may be empty. Later tiles lie over earlier ones.
            frame: see FrameState.

        Raises:
            GpuError: the array is of another type, or the frame needs a colour table and none is set.
        """
        if instances.dtype != TILE_INSTANCE or instances.ndim != 1 or not instances.flags.c_contiguous:
            raise GpuError(f"tiles must be a contiguous (n,) array of TILE_INSTANCE, not {instances.dtype}")
        if frame.icc and not self._lut_name:
            raise GpuError("the frame needs ICC colours but no colour table is set")
        with DrawState():
            glViewport(0, 0, frame.width_px, frame.height_px)
            glColorMask(1, 1, 1, 1)
            glClearBufferfv(_GL_COLOR, 0, (ctypes.c_float * 4)(*frame.background, 1.0))
            if len(instances) > 0:
                self._draw_tiles(instances, frame)

    def release(self) -> None:
        """Delete what this object made (not the pool); its context must be current and alive."""
        for variant in self._variants.values():
            variant.program.release()
        self._variants.clear()
        self._delete_lut()
        if self._vertex_array:
            GL.glDeleteVertexArrays(1, [self._vertex_array])
            GL.glDeleteBuffers(1, [self._instance_buffer])
            self._vertex_array = self._instance_buffer = 0

    def _delete_lut(self) -> None:
        if self._lut_name:
            GL.glDeleteTextures([self._lut_name])
            self._lut_name = self._lut_entries = 0

    def _draw_tiles(self, instances: NDArray[Any], frame: FrameState) -> None:
        variant = self._variant(_defines(instances, frame))
        glUseProgram(variant.program.name)
        if variant.frame != (frame, self._lut_entries):
            self._set_frame(variant.program, frame)
            variant.frame = (frame, self._lut_entries)
        glActiveTexture(GL_TEXTURE0 + TILE_UNIT)
        glBindTexture(GL_TEXTURE_2D_ARRAY, self._pool.name)
        if frame.icc:
            glActiveTexture(GL_TEXTURE0 + ICC_UNIT)
            glBindTexture(GL_TEXTURE_3D, self._lut_name)
        glBindVertexArray(self._vertex_array)
        glBindBuffer(_GL_ARRAY_BUFFER, self._instance_buffer)
        # New storage every frame: the driver keeps the old one until its draw is done, without a wait.
        address = ctypes.c_void_p(instances.__array_interface__["data"][0])
        glBufferData(_GL_ARRAY_BUFFER, instances.nbytes, address, _GL_STREAM_DRAW)
        glDrawArraysInstanced(_GL_TRIANGLE_STRIP, 0, 4, len(instances))

    def _variant(self, defines: tuple[str, ...]) -> _Variant:
        variant = self._variants.get(defines)
        if variant is None:
            program = Program("tile.vert", "tile.frag", defines=defines)
            glUseProgram(program.name)
            program.set_uniforms(
                tiles=TILE_UNIT,
                icc_table=ICC_UNIT,
                layer_px=float(self._pool.layer_px),
                max_mip=float(self._pool.mip_levels - 1),
            )
            variant = self._variants[defines] = _Variant(program)
        return variant

    def _set_frame(self, program: Program, frame: FrameState) -> None:
        program.set_uniforms(
            framebuffer_px=(frame.width_px, frame.height_px),
            rotation=(math.cos(frame.rotation_rad), math.sin(frame.rotation_rad)),
            background=frame.background,
            brightness=float(frame.brightness),
            contrast=float(frame.contrast),
            inverse_gamma=1.0 / frame.gamma,
            icc_entries=float(self._lut_entries),
            nearest_when_magnified=int(frame.nearest),
        )
        if frame.foveation is not None:
            gaze = frame.foveation
            program.set_uniforms(foveation=(*gaze.gaze_px, gaze.tangent_per_px, gaze.radius_deg))

    def _describe_instances(self) -> None:
        fields = TILE_INSTANCE.fields
        assert fields is not None
        GL.glBindVertexArray(self._vertex_array)
        GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._instance_buffer)
        stride = TILE_INSTANCE.itemsize
        for location, field, count, kind in _ATTRIBUTES:
            offset = ctypes.c_void_p(fields[field][1])
            GL.glEnableVertexAttribArray(location)
            GL.glVertexAttribDivisor(location, 1)
            if kind == GL.GL_INT:
                GL.glVertexAttribIPointer(location, count, kind, stride, offset)
            else:
                GL.glVertexAttribPointer(location, count, kind, kind == GL.GL_UNSIGNED_BYTE, stride, offset)


def _defines(instances: NDArray[Any], frame: FrameState) -> tuple[str, ...]:
    """The features that the tile program is compiled with for this frame."""
    defines: list[str] = []
    if instances["fade"].min() < 1.0 or instances["tile_slot"].min() < 0:
        defines.append("ANCESTORS")
    if frame.icc:
        defines.append("ICC")
    if frame.adjusts_colour:
        defines.append("ADJUST")
    if frame.debug:
        defines.append("DEBUG")
    if frame.foveation is not None:
        defines.append("FOVEATED")
    return tuple(defines)
