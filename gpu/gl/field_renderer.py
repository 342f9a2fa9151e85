"""Draws fields of values per patch over the tiles: a texture a field and level, one quad a frame and field.

A field's textures change only when its values do; colours, opacity, threshold, contours and flashlight
are uniforms. Space as in gpu.gl.tile_renderer: framebuffer pixels from the view's centre, y down,
before rotation.
"""

from __future__ import annotations

import ctypes
import math
from dataclasses import dataclass
from enum import IntEnum
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from OpenGL import GL
from OpenGL.raw.GL.VERSION.GL_1_0 import glViewport
from OpenGL.raw.GL.VERSION.GL_1_1 import glBindTexture, glDrawArrays
from OpenGL.raw.GL.VERSION.GL_1_3 import glActiveTexture
from OpenGL.raw.GL.VERSION.GL_2_0 import glUseProgram
from OpenGL.raw.GL.VERSION.GL_3_0 import glBindVertexArray

from gpu.errors import GpuError
from gpu.gl import strings
from gpu.gl.context import check
from gpu.gl.gl_state import GL_TEXTURE0, ICC_UNIT, TILE_UNIT, Blending, DrawState, Scissors, UploadState
from gpu.gl.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gpu.gl.program import UniformValue

Rectangle = tuple[float, float, float, float]
"""x0, y0, x1, y1."""
Box = tuple[int, int, int, int]
"""x0, y0, x1, y1 in framebuffer pixels, y down."""

# Those of tiles and colour table, whose targets are others, and three below: only here for 2D textures.
_FIELD_UNITS, _TISSUE_UNIT, _MAPS_UNIT = (TILE_UNIT, TILE_UNIT - 1, TILE_UNIT - 2), TILE_UNIT - 3, ICC_UNIT
_GL_TEXTURE_2D = 0x0DE1
_GL_TRIANGLE_STRIP = 0x0005
_TIE = 2.0**-16
"""A likeness of exactly the threshold is drawn, however a driver rounds it; of 255 steps this is none."""
_UPLOAD_BYTES = 1 << 20
"""In one step: a third of a millisecond with software OpenGL."""


@dataclass(frozen=True, slots=True)
class FieldStyle:
    """How a field is drawn: row of the table of colour maps, opacity and threshold 0 to 1, the values of the
    first colour and the last, how much of the fill and of the outlines of the best patches is drawn (0 to 1),
    blending from patch to patch, contour lines, flashlight (x, y, radius) in framebuffer pixels or None, and
    of a field with levels how much regions, patches and tokens count."""

    colour_map: int
    opacity: float
    threshold: float
    ends: tuple[float, float]
    fill: float
    outlines: float
    smooth: bool
    contours: bool
    flashlight_px: tuple[float, float, float] | None
    level_weights: tuple[float, float, float] | None = None

    @property
    def defines(self) -> tuple[str, ...]:
        """The features that the program is compiled with."""
        chosen = {
            "FILL": self.fill > 0,
            "OUTLINES": self.outlines > 0,
            "SMOOTH": self.smooth,
            "CONTOURS": self.contours,
            "FLASHLIGHT": self.flashlight_px is not None,
            "LEVELS": self.level_weights is not None,
        }
        return tuple(name for name, on in chosen.items() if on)


class TissueInView(IntEnum):
    """What a part of a frame holds of the tissue to which blended colours keep: there is none to keep to;
    nothing has a colour; an edge; an edge, or patches that have a colour without tissue; all is coloured."""

    UNMASKED = 0
    NOTHING = 1
    EDGE = 2
    EDGE_OR_PATCHES = 3
    ALL = 4


_TISSUE_DEFINES: dict[TissueInView, tuple[str, ...]] = {
    TissueInView.UNMASKED: (),
    TissueInView.NOTHING: ("TISSUE",),
    TissueInView.EDGE: ("TISSUE",),
    TissueInView.EDGE_OR_PATCHES: ("TISSUE", "OFF_TISSUE"),
    TissueInView.ALL: ("ALL_TISSUE",),
}


@dataclass(frozen=True, slots=True)
class FieldPart:
    """Boxes of a frame that need the same work. ``patterns``: over patches that were not analysed; may be
    left out where all were."""

    tissue: TissueInView
    patterns: bool
    boxes_px: Sequence[Box]

    @property
    def defines(self) -> tuple[str, ...]:
        """The features that the program is compiled with."""
        return _TISSUE_DEFINES[self.tissue] + (("PATTERNS",) if self.patterns else ())


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """Where a field lies in a frame: a rectangle in framebuffer pixels from the view's centre, and the same
    rectangle in patches, which are ``patch_px`` wide and high; the slide is ``slide_patches``. ``origin_px``:
    where the frame lies in the whole picture."""

    width_px: int
    height_px: int
    rotation_rad: float
    rect_px: Rectangle
    rect_patches: Rectangle
    patch_px: tuple[float, float]
    slide_patches: tuple[float, float]
    pixel_ratio: float
    origin_px: tuple[float, float]


class OverlayRenderer:
    """The textures and programs of the overlays of one context.

    Args:
        colour_maps: uint8 (maps, 256, 3), sRGB from value 0 to 1.

    Raises:
        GpuError: the shaders do not compile on this driver.
    """

    def __init__(self, colour_maps: NDArray[np.uint8]) -> None:
        self._fields: dict[str, _Field] = {}
        # Fields not wholly uploaded, and replaced ones, whose textures the next field reuses: software OpenGL
        # allocates more slowly than it uploads.
        self._begun: dict[str, _Field] = {}
        self._tissue = 0
        self._programs: dict[tuple[str, ...], Program] = {}
        self._vertex_array = int(GL.glGenVertexArrays(1))
        self._corners = int(GL.glGenBuffers(1))
        with DrawState():
            corners = np.array([(0, 0), (1, 0), (0, 1), (1, 1)], np.float32)
            GL.glBindVertexArray(self._vertex_array)
            GL.glBindBuffer(GL.GL_ARRAY_BUFFER, self._corners)
            GL.glBufferData(GL.GL_ARRAY_BUFFER, corners.nbytes, corners, GL.GL_STATIC_DRAW)
            GL.glEnableVertexAttribArray(0)
            GL.glVertexAttribPointer(0, 2, GL.GL_FLOAT, False, 0, ctypes.c_void_p(0))
        self._map_count = len(colour_maps)
        self._maps = _texture(colour_maps.shape, GL.GL_RGB8, GL.GL_RGB, GL.GL_NEAREST)
        _upload(self._maps, GL.GL_RGB, colour_maps)
        check(strings.MAKING_OVERLAY_RENDERER)

    def put(
        self, name: str, levels: Sequence[NDArray[np.uint8]], sequence: int, budget_ms: float = math.inf
    ) -> bool:
        """Upload a field, or go on with it, for about ``budget_ms``; whether all of it is there. Until then
        what had its name before is drawn.

        ``levels``: uint8 (rows, columns, 2) as shaders/overlay.frag reads them, value times weight and
        weight, of patches, or of patches, regions and tokens. Raises GpuError where the driver cannot hold
        it; the field of this name is then as before.
        """
        deadline_s = perf_counter() + budget_ms / 1e3
        shapes = [texels.shape for texels in levels]
        field = self._begun.get(name)
        if field is None or field.shapes != shapes:
            if field is not None:
                _release(self._begun.pop(name))
            field = self._begun[name] = _begin(name, shapes, sequence)
        elif field.sequence != sequence:
            field.sequence, field.level, field.row = sequence, 0, 0
        while field.level < len(levels):
            texels = levels[field.level]
            rows = max(1, _UPLOAD_BYTES // texels[0].nbytes)
            _upload(field.textures[field.level], GL.GL_RG, texels[field.row : field.row + rows], field.row)
            field.row += rows
            if field.row >= len(texels):
                field.level, field.row = field.level + 1, 0
            if perf_counter() >= deadline_s:
                break
        if field.level < len(levels):
            return False
        replaced = self._fields.pop(name, None)
        self._fields[name] = self._begun.pop(name)
        if replaced is not None:
            self._begun[name] = replaced
        return True

    def put_tissue(self, weights: NDArray[np.uint8] | None) -> None:
        """Keep blended colours to where there is tissue: uint8 (rows, columns) over the whole slide, 0 none,
        255 tissue. None: draw everywhere."""
        if self._tissue:
            GL.glDeleteTextures([self._tissue])
            self._tissue = 0
        if weights is not None:
            self._tissue = _texture(weights.shape, GL.GL_R8, GL.GL_RED, GL.GL_LINEAR)
            _upload(self._tissue, GL.GL_RED, weights)

    def holds(self, name: str, sequence: int) -> bool:
        """Whether the field of this name is uploaded in this state."""
        return name in self._fields and self._fields[name].sequence == sequence

    def keep_only(self, names: Iterable[str]) -> None:
        """Free the textures of all other fields."""
        for name in (self._fields.keys() | self._begun.keys()) - set(names):
            self._drop(name)

    def draw(self, name: str, style: FieldStyle, place: FieldPlace, parts: Sequence[FieldPart]) -> None:
        """Draw parts of a field over what the bound framebuffer holds."""
        with DrawState(), Blending(), Scissors() as scissors:
            glViewport(0, 0, place.width_px, place.height_px)
            textures = dict(zip(_FIELD_UNITS, self._fields[name].textures, strict=False))
            textures[_MAPS_UNIT] = self._maps
            if self._tissue:
                textures[_TISSUE_UNIT] = self._tissue
            for unit, texture in textures.items():
                glActiveTexture(GL_TEXTURE0 + unit)
                glBindTexture(_GL_TEXTURE_2D, texture)
            glBindVertexArray(self._vertex_array)
            uniforms = self._uniforms(style, place)
            for part in parts:
                program = self._program(style.defines + part.defines)
                glUseProgram(program.name)
                program.set_uniforms(**uniforms)
                for x0_px, y0_px, x1_px, y1_px in part.boxes_px:
                    scissors.cut(x0_px, place.height_px - y1_px, x1_px - x0_px, y1_px - y0_px)
                    glDrawArrays(_GL_TRIANGLE_STRIP, 0, 4)
            for unit in textures:
                glActiveTexture(GL_TEXTURE0 + unit)
                glBindTexture(_GL_TEXTURE_2D, 0)

    def _uniforms(self, style: FieldStyle, place: FieldPlace) -> dict[str, UniformValue]:
        first_x, first_y = math.floor(place.rect_patches[0]), math.floor(place.rect_patches[1])
        x0, y0, x1, y1 = place.rect_patches
        low, high = style.ends
        uniforms: dict[str, UniformValue] = {
            "rect_px": place.rect_px,
            # From the first visible patch, so that float32 is exact enough at any zoom.
            "rect_patches": (x0 - first_x, y0 - first_y, x1 - first_x, y1 - first_y),
            "first_patch": (first_x, first_y),
            "framebuffer_px": (place.width_px, place.height_px),
            "rotation": (math.cos(place.rotation_rad), math.sin(place.rotation_rad)),
            "origin_px": place.origin_px,
            "pixel_ratio": float(place.pixel_ratio),
            "colour_map_row": (style.colour_map + 0.5) / self._map_count,
            "opacity": float(style.opacity),
            "threshold": float(style.threshold) - _TIE,
            "place_line": (1 / (high - low), -low / (high - low)),
            "fill": float(style.fill * style.opacity),
            "outlines": float(style.outlines),
            "patch_px": place.patch_px,
            "slide_patches": place.slide_patches,
        }
        if style.flashlight_px is not None:
            uniforms["flashlight_px"] = style.flashlight_px
        if style.level_weights is not None:
            uniforms["level_weights"] = style.level_weights
        return uniforms

    def release(self) -> None:
        """Free every GL object; the context must be current."""
        self.keep_only(())
        self.put_tissue(None)
        for program in self._programs.values():
            program.release()
        self._programs.clear()
        if self._maps:
            GL.glDeleteTextures([self._maps])
            GL.glDeleteVertexArrays(1, [self._vertex_array])
            GL.glDeleteBuffers(1, [self._corners])
            self._maps = self._vertex_array = self._corners = 0

    def _drop(self, name: str) -> None:
        for fields in (self._fields, self._begun):
            if name in fields:
                _release(fields.pop(name))

    def _program(self, defines: tuple[str, ...]) -> Program:
        program = self._programs.get(defines)
        if program is None:
            program = self._programs[defines] = Program("overlay.vert", "overlay.frag", defines=defines)
            glUseProgram(program.name)
            units = dict(zip(("field", "regions", "tokens"), _FIELD_UNITS, strict=True))
            program.set_uniforms(colour_maps=_MAPS_UNIT, tissue=_TISSUE_UNIT, **units)
        return program


@dataclass(slots=True)
class _Field:
    """``level`` and ``row``: what is to be uploaded next."""

    sequence: int
    shapes: list[tuple[int, ...]]
    textures: tuple[int, ...] = ()
    level: int = 0
    row: int = 0


def _begin(name: str, shapes: list[tuple[int, ...]], sequence: int) -> _Field:
    """A field with textures of these shapes. Raises GpuError, and frees them, where they do not fit."""
    field = _Field(sequence, shapes)
    try:
        for shape in shapes:
            field.textures += (_texture(shape, GL.GL_RG8, GL.GL_RG, GL.GL_LINEAR),)
        check(strings.MAKING_FIELD.format(name=name))
    except GpuError:
        _release(field)
        raise
    return field


def _release(field: _Field) -> None:
    GL.glDeleteTextures(list(field.textures))


def _texture(shape: tuple[int, ...], stored: int, given: int, texture_filter: int) -> int:
    """A new 2D texture of (rows, columns, channels), of which nothing is uploaded."""
    rows, cols = shape[:2]
    largest = int(GL.glGetIntegerv(GL.GL_MAX_TEXTURE_SIZE))
    if max(rows, cols) > largest:
        raise GpuError(strings.FIELD_LIMIT.format(columns=cols, rows=rows, limit=largest))
    name = int(GL.glGenTextures(1))
    with UploadState():
        glActiveTexture(GL_TEXTURE0 + _FIELD_UNITS[0])
        glBindTexture(_GL_TEXTURE_2D, name)
        GL.glTexImage2D(_GL_TEXTURE_2D, 0, stored, cols, rows, 0, given, GL.GL_UNSIGNED_BYTE, None)
        for parameter, value in (
            (GL.GL_TEXTURE_MIN_FILTER, texture_filter),
            (GL.GL_TEXTURE_MAG_FILTER, texture_filter),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
        ):
            GL.glTexParameteri(_GL_TEXTURE_2D, parameter, value)
        glBindTexture(_GL_TEXTURE_2D, 0)
    return name


def _upload(texture: int, given: int, texels: NDArray[np.uint8], row: int = 0) -> None:
    """Rows of a texture from ``row`` on."""
    with UploadState():
        glActiveTexture(GL_TEXTURE0 + _FIELD_UNITS[0])
        glBindTexture(_GL_TEXTURE_2D, texture)
        rows, cols = texels.shape[:2]
        GL.glTexSubImage2D(
            _GL_TEXTURE_2D, 0, 0, row, cols, rows, given, GL.GL_UNSIGNED_BYTE, np.ascontiguousarray(texels)
        )
        glBindTexture(_GL_TEXTURE_2D, 0)
