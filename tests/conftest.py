"""What every test stands on: software OpenGL, folders of its own, seeded chance, no threads left behind.

The environment is set here, before anything imports OpenGL or Qt: PyOpenGL chooses between GLX and EGL once,
at import.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

os.environ.setdefault("LIBGL_ALWAYS_SOFTWARE", "1")
if "PYTEST_XDIST_WORKER" in os.environ:  # one test process a core: threads of torch would fight for it
    os.environ.setdefault("OMP_NUM_THREADS", "1")
if sys.platform == "linux":
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    os.environ.setdefault("QT_XCB_GL_INTEGRATION", "xcb_egl")

hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],  # no timed tests: a busy machine is no failure
)
hypothesis.settings.load_profile("repeatable")

THREAD_GRACE_S = 2.0


def has_display() -> bool:
    """Whether Qt can open a window here; without a display, a QApplication would abort the whole test run."""
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a window where there is no display."""
    wants_window = item.get_closest_marker("gui") or {"qtbot", "qapp"} & set(
        getattr(item, "fixturenames", ())
    )
    if wants_window and not has_display():
        pytest.skip("no display: install Xvfb")


@pytest.fixture(autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty FOVEOLA_HOME for every test: the developer's own settings and caches are never touched."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("FOVEOLA_HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(home / "xdg"))
    return home


@pytest.fixture(autouse=True)
def no_shipped_encoder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in place of that of the shipped tissue encoder: what is measured is quicker, and does
    not change with the next training."""
    from viewer.relevance.encoders.tissue import card

    folder = tmp_path_factory.mktemp("shipped")
    monkeypatch.setattr(card, "shipped_folder", lambda: folder)
    return folder


@pytest.fixture(autouse=True)
def seeded_chance() -> None:
    """Python's and NumPy's global generators start every test the same."""
    random.seed(5)
    np.random.seed(5)


@pytest.fixture
def rng() -> np.random.Generator:
    """Repeatable random numbers."""
    return np.random.default_rng(5)


@pytest.fixture(scope="session")
def shared_slides() -> Path:
    """The folder of real slides; the test is skipped where there is none."""
    folder = os.environ.get("FOVEOLA_SLIDES")
    if not folder:
        pytest.skip("FOVEOLA_SLIDES is unset: no real slides to test on")
    path = Path(folder).resolve()
    assert path.is_dir(), f"FOVEOLA_SLIDES is not a folder: {path}"
    return path


@pytest.fixture(scope="session")
def copy_phantom(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path, int], Path]:
    """``copy_phantom(path, size_px)``: a phantom slide, pixels of 0.5 µm. Each size is laid out once for all
    processes of the run: that takes five seconds.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # what the processes share

    def copy(path: Path, size_px: int) -> Path:
        from viewer.slide.phantom.slide import write_phantom

        made = folder / f"phantom {size_px}.tif"
        with FileLock(made.with_suffix(".lock")):
            if not made.exists():
                write_phantom(made, size_px=size_px, seed=3, mpp_um=0.5)
        return Path(shutil.copy(made, path))

    return copy


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    """A test that leaves threads running fails. Threads get two seconds to end, as when the window closes."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + THREAD_GRACE_S
    while left := [t for t in threading.enumerate() if t not in before and not _is_foreign(t)]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left running: {', '.join(t.name for t in left)}")
        time.sleep(0.01)


def _is_foreign(thread: threading.Thread) -> bool:
    """Python's stand-in for a thread it did not start (a QThread) outlives that thread: it proves nothing."""
    return isinstance(thread, threading._DummyThread)  # noqa: SLF001 - it has no public name
