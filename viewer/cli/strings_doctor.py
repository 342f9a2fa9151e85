"""What ``foveola doctor`` prints; ``{name}`` stands for a value."""

from __future__ import annotations

# The report.
MARKS = {"works": "ok     ", "missing": "MISSING", "absent": "none   "}
CANNOT_SHOW = "slides cannot be shown: see MISSING above"
NEEDS_DISPLAY = "slides can be read and rendered (`foveola snapshot`); the window needs a display"
CAN_SHOW = "slides can be opened and shown"

# Findings, and what to do.
SYSTEM_HINT = (
    "on Debian or Ubuntu: apt-get install libgl1 libegl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0"
)
NO_QT = "PySide6 is not installed"
QT_HINT = 'pip install "PySide6-Essentials<6.12"'
QT_CRASHES = "PySide6 {version} crashes Python 3.11"
QT = "PySide6 {version}"
OFFSCREEN_ON_LINUX = "off-screen snapshots need Linux for now"
OFFSCREEN = "{version} on {renderer}, no display needed"
NO_DISPLAY_BUT_XVFB = "none"
DEMO_HINT = "start Foveola in a desktop session; `foveola demo` starts a virtual one (Xvfb)"
NO_DISPLAY = "none (DISPLAY and WAYLAND_DISPLAY are unset)"
XVFB_HINT = "start Foveola in a desktop session, or install xvfb for a virtual display"
LIBRARY_HINT = "where a library is missing: {hint}"
DISPLAY = "{platform}, {width} × {height}, OpenGL {opengl} in windows"
CODECS_HINT = "install Foveola's dependencies again: pip install -U foveola"
CODECS = "OpenSlide {openslide}, {jpeg}, JPEG 2000 {jpeg2000}"
DRIVER_HINT = "check the driver with nvidia-smi"
NO_DRIVER = "no NVIDIA driver; everything runs on the processor"
CUDA = "{names}, driver for CUDA {driver}"
TORCH_HINT = "install torch again: pip install -U torch"
ENCODER = "words are answered by: {title}, version {version}"
ENCODER_WITH_CARD = "words are answered by: {title}, version {version}; model card {page}"
ANALYSIS = "on {device} ({why}), torch {torch}"

# Probes that failed.
NO_ANSWER = "no answer within {limit_s} s"
CRASHED = "crashed with signal {signal}"
CRASHED_WITH = "crashed with signal {signal}: {line}"
ENDED = "ended with status {status}"
NO_GL_CONTEXT = "Qt opened the display but could not make an OpenGL context on it"
WRONG_PIXELS = "a codec gives wrong pixels"
DRIVER_ERROR = "the NVIDIA driver returns error {status} from {name}"
