"""Foveated drawing: the shader's function is the processor's, and only pictures on the screen are coarse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from OpenGL import GL

from gpu.gl.program import Program, read_shader
from gpu.gl.tile_renderer import Foveation
from viewer.render.frame import Look
from viewer.view.acuity import MAR0_DEG, MAR_SLOPE, eccentricity_deg, tangent_per_px

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tests.gpu.gl.conftest import Cut

TANGENT = tangent_per_px((1920, 1080), 24.0, 60.0)
WIDTH_PX = 512
STEP_PX = 4.0
PROBE_VERTEX = (
    "void main() { gl_Position = vec4(gl_VertexID == 1 ? 3 : -1, gl_VertexID == 2 ? 3 : -1, 0, 1); }"
)
PROBE_FRAGMENT = """
#include "foveation.glsl"
uniform float tangent_per_px;
uniform float radius_deg;
out vec4 fragment;
void main() {
    fragment = vec4(foveation_lod((gl_FragCoord.x - 0.5) * 4.0, tangent_per_px, radius_deg), 0.0, 0.0, 1.0);
}
"""


def shader_lods(radius_deg: float, tangent: float) -> NDArray[np.float32]:
    """foveation_lod of shaders/foveation.glsl at 0, 4, 8 … pixels."""
    made = {"probe.vert": PROBE_VERTEX, "probe.frag": PROBE_FRAGMENT}
    program = Program("probe.vert", "probe.frag", read=lambda name: made.get(name) or read_shader(name))
    framebuffer, colour = GL.glGenFramebuffers(1), GL.glGenRenderbuffers(1)
    GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, colour)
    GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_RGBA32F, WIDTH_PX, 1)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, framebuffer)
    GL.glFramebufferRenderbuffer(GL.GL_FRAMEBUFFER, GL.GL_COLOR_ATTACHMENT0, GL.GL_RENDERBUFFER, colour)
    GL.glViewport(0, 0, WIDTH_PX, 1)
    GL.glUseProgram(program.name)
    program.set_uniforms(tangent_per_px=float(tangent), radius_deg=float(radius_deg))
    GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
    values = np.empty((1, WIDTH_PX), np.float32)
    GL.glReadPixels(0, 0, WIDTH_PX, 1, GL.GL_RED, GL.GL_FLOAT, values)
    GL.glUseProgram(0)
    GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, 0)
    GL.glDeleteFramebuffers(1, [framebuffer])
    GL.glDeleteRenderbuffers(1, [colour])
    program.release()
    return values[0]


def foveation_lod(distance_px: NDArray[np.float64], tangent: float, radius_deg: float) -> NDArray[np.float64]:
    """The same on the processor: two pixels show one cycle, of which nothing is lost up to half of MAR."""
    mar_deg = MAR0_DEG + MAR_SLOPE * eccentricity_deg(distance_px, tangent, radius_deg)
    return np.maximum(np.log2(mar_deg / (2 * np.degrees(tangent))), 0.0)


def test_the_coarsening_starts_at_nothing_and_only_grows() -> None:
    lod = shader_lods(1.0, TANGENT)
    assert lod[0] == 0.0
    assert (np.diff(lod) >= 0).all()


@pytest.mark.parametrize("radius_deg", [0.0, 1.0, 5.0])
@pytest.mark.parametrize("tangent", [TANGENT, TANGENT / 3])
def test_shader_and_processor_share_one_function(radius_deg: float, tangent: float) -> None:
    wanted = foveation_lod(np.arange(WIDTH_PX) * STEP_PX, tangent, radius_deg)
    assert wanted.max() > 2, "the test sees more than zeros"
    assert shader_lods(radius_deg, tangent) == pytest.approx(wanted, abs=1e-3)


def test_the_picture_is_sharp_at_the_gaze_and_coarse_far_from_it(
    cut: Callable[..., Cut], render: Callable[..., NDArray[np.uint8]]
) -> None:
    checks = (np.indices((256, 1024)).sum(axis=0) % 2 * 255).astype(np.uint8)
    picture = cut(np.repeat(checks[..., None], 3, axis=2), layer_px=256, mip_levels=4)
    tiles = picture.instances(downsample=1.0)
    gaze = Foveation(gaze_px=(100.0, 128.0), tangent_per_px=TANGENT, radius_deg=1.0)
    drawn = render(picture.pool, tiles, size=(1024, 256), foveation=gaze)[..., 0].astype(int)
    plain = render(picture.pool, tiles, size=(1024, 256))[..., 0].astype(int)
    assert (drawn[110:146, 80:120] == plain[110:146, 80:120]).all()
    assert np.ptp(drawn[:, 900:]) <= 2, "far away single pixels are gone"
    assert np.ptp(plain[:, 900:]) == 255


def test_what_is_kept_is_never_foveated() -> None:
    look = Look(debug=True, foveation=Foveation((0.0, 0.0), TANGENT, 1.0))
    assert look.as_kept() == Look()
