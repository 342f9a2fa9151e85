"""What shapes cost a frame: pans with 0, 1,000 and 20,000 of them in view, each frame waited for.

    xvfb-run -a -s "-screen 0 1280x1024x24" python tests/bench/vector_layer.py [SLIDE] [--corners 12]

Prints median and 95th percentile of the frame time for each number of shapes, and its ratio to none.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
from _slides import slide_or_phantom

from gpu.gl.context import prepare_egl_environment

SIZE_PX = (1280, 800)
PAN_FRAMES = 40
ROUNDS = 12
DOWNSAMPLE = 4.0
COUNTS = (0, 1000, 20_000)


def shapes_around(centre: tuple[float, float], count: int, corners: int) -> list[object]:
    """Ragged polygons of 6 to 20 screen pixels' radius, spread over the field that the pan crosses."""
    from viewer.overlay.shapes import Shape

    rng = np.random.default_rng(0)
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    reach = np.array(SIZE_PX) / 2 * DOWNSAMPLE
    shapes: list[object] = []
    for _ in range(count):
        radius = rng.uniform(6, 20) * DOWNSAMPLE * rng.uniform(0.8, 1.2, corners)
        outline = np.stack((radius * np.cos(angles), radius * np.sin(angles)), axis=1)
        place = np.array(centre) + rng.uniform(-1, 1, 2) * reach
        shapes.append(Shape.polygon(outline + place, rgba=(*rng.uniform(0, 0.8, 3), 1.0)))
    return shapes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("slide", type=Path, nargs="?", help="without one, a phantom is made")
    parser.add_argument("--corners", type=int, default=12, help="of each polygon")
    options = parser.parse_args()
    prepare_egl_environment()
    import OpenGL

    OpenGL.ERROR_CHECKING = False  # as the application runs
    from PySide6.QtWidgets import QApplication

    from viewer.common.settings import Settings
    from viewer.slide.formats.registry import open_slide
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.canvas.vector_overlay import VectorOverlay

    application = QApplication([])
    view = SlideView(Settings.default())
    view.resize(*SIZE_PX)
    overlay = VectorOverlay(view)
    view.show()
    view.set_source(open_slide(slide_or_phantom(options.slide)))
    source = view.source
    assert source is not None
    centre = source.pyramid.extent.centre
    frames = 0

    def counted() -> None:
        nonlocal frames
        frames += 1

    view.frame_drawn.connect(counted)
    view.canvas.finish_frames = True

    def settle(limit_s: float = 20.0) -> None:
        started_s = perf_counter()
        while perf_counter() - started_s < limit_s:
            application.processEvents()
            if view.sharp:
                return

    def look(step: int) -> float:
        """Milliseconds of one frame of a brisk pan, there and back."""
        before, started_s = frames, perf_counter()
        offset = 12.0 * (PAN_FRAMES / 2 - abs(step - PAN_FRAMES / 2)) * DOWNSAMPLE
        place = replace(
            view.camera.view, centre_x=centre[0] + offset, centre_y=centre[1], downsample=DOWNSAMPLE
        )
        view.camera.jump(place)
        view.canvas.native.update()
        while frames == before:
            application.processEvents()
        return (perf_counter() - started_s) * 1e3

    for step in range(PAN_FRAMES):  # every tile of the pan is on the GPU before the clock runs
        look(step)
        settle()
    shapes = {count: shapes_around(centre, count, options.corners) for count in COUNTS}
    times_ms: dict[int, list[float]] = {count: [] for count in COUNTS}
    how: dict[int, str] = {}
    for _ in range(ROUNDS):  # in turns, so that what else the machine does falls on all alike
        for count in COUNTS:
            overlay.set_shapes("bench", shapes[count])
            look(0)
            times_ms[count] += [look(step) for step in range(PAN_FRAMES)]
            how[count] = "picture" if overlay.shapes.uses_picture else "direct"
    reference = np.median(times_ms[COUNTS[0]])
    for count, times in times_ms.items():
        median, p95 = np.percentile(times, (50, 95))
        print(
            f"{count:6d} shapes: median {median:6.2f} ms, p95 {p95:6.2f} ms, max {max(times):6.2f} ms, "
            f"×{median / reference:.2f} ({how[count]})"
        )
    view.close_slide()
    view.close()


if __name__ == "__main__":
    main()
