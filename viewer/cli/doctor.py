"""What works on this machine and what to install where something does not: ``foveola doctor``."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from viewer.ui.shell.display import DisplayError, has_display, require_display

PROBE_TIMEOUT_S = 60
SYSTEM_HINT = (
    "on Debian or Ubuntu: apt-get install libgl1 libegl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. ``hint``: what to do where it fails; ``needed``: no slide shows without it."""

    name: str
    works: bool
    detail: str
    hint: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a probe printed, or in one line why it printed nothing."""

    facts: dict[str, Any]
    failure: str


def examine() -> list[Finding]:
    """Look at everything. Takes some seconds; parts that may crash run in processes of their own."""
    return [_python(), _qt(), _offscreen(), _display(), _codecs(), _cuda(), _analysis()]


def report(findings: list[Finding]) -> str:
    """The findings as text, one a line, with what to do below those that fail."""
    lines = []
    for finding in findings:
        mark = "ok     " if finding.works else "MISSING" if finding.needed else "none   "
        lines.append(f"{mark} {finding.name:<12} {finding.detail}")
        if finding.hint:
            lines.append(f"        {'':<12} → {finding.hint}")
    if not healthy(findings):
        verdict = "slides cannot be shown: see MISSING above"
    elif any(finding.name == "display" and not finding.works for finding in findings):
        verdict = "slides can be read and rendered (`foveola snapshot`); the window needs a display"
    else:
        verdict = "slides can be opened and shown"
    return "\n".join([*lines, verdict])


def as_data(findings: list[Finding]) -> dict[str, Any]:
    """The findings ready for JSON."""
    return {"healthy": healthy(findings), "findings": [asdict(finding) for finding in findings]}


def healthy(findings: list[Finding]) -> bool:
    """Whether a slide can be opened and shown."""
    return all(finding.works for finding in findings if finding.needed)


def _python() -> Finding:
    return Finding("Python", sys.version_info >= (3, 11), platform.python_version(), "")


def _qt() -> Finding:
    try:
        version = importlib.metadata.version("PySide6-Essentials")
    except importlib.metadata.PackageNotFoundError:
        return Finding("Qt", False, "PySide6 is not installed", 'pip install "PySide6-Essentials<6.12"')
    if version.startswith("6.12") and sys.version_info < (3, 12):
        hint = 'pip install "PySide6-Essentials<6.12"'
        return Finding("Qt", False, f"PySide6 {version} crashes Python 3.11", hint)
    return Finding("Qt", True, f"PySide6 {version}")


def _offscreen() -> Finding:
    if sys.platform != "linux":
        return Finding("OpenGL", False, "off-screen snapshots need Linux for now", needed=False)
    answer = _probe("offscreen")
    if answer.failure:
        return Finding("OpenGL", False, answer.failure, SYSTEM_HINT)
    return Finding(
        "OpenGL", True, f"{answer.facts['version']} on {answer.facts['renderer']}, no display needed"
    )


def _display() -> Finding:
    if not has_display():
        if shutil.which("Xvfb"):
            hint = "start Foveola in a desktop session; `foveola demo` starts a virtual one (Xvfb)"
            return Finding("display", False, "none", hint, needed=False)
        hint = "start Foveola in a desktop session, or install xvfb for a virtual display"
        return Finding("display", False, "none (DISPLAY and WAYLAND_DISPLAY are unset)", hint)
    try:
        require_display()
    except DisplayError as error:
        return Finding("display", False, str(error), f"where a library is missing: {SYSTEM_HINT}")
    answer = _probe("window")
    if answer.failure:
        return Finding("display", False, answer.failure, SYSTEM_HINT)
    facts = answer.facts
    width, height = facts["screen_px"]
    return Finding(
        "display", True, f"{facts['platform']}, {width} × {height}, OpenGL {facts['opengl']} in windows"
    )


def _codecs() -> Finding:
    answer = _probe("codecs")
    if answer.failure:
        return Finding(
            "codecs", False, answer.failure, "install Foveola's dependencies again: pip install -U foveola"
        )
    facts = answer.facts
    return Finding(
        "codecs", True, f"OpenSlide {facts['openslide']}, {facts['jpeg']}, JPEG 2000 {facts['jpeg2000']}"
    )


def _cuda() -> Finding:
    answer = _probe("cuda")
    if answer.failure:
        return Finding("CUDA", False, answer.failure, "check the driver with nvidia-smi", needed=False)
    if not answer.facts["devices"]:
        return Finding("CUDA", False, "no NVIDIA driver; everything runs on the processor", needed=False)
    names = ", ".join(answer.facts["devices"])
    return Finding("CUDA", True, f"{names}, driver for CUDA {answer.facts['driver']}", needed=False)


def _analysis() -> Finding:
    answer = _probe("analysis")
    if answer.failure:
        hint = "install torch again: pip install -U torch"
        return Finding("analysis", False, answer.failure, hint, needed=False)
    facts = answer.facts
    detail = f"on {facts['device']} ({facts['why']}), torch {facts['torch']}"
    return Finding("analysis", True, detail, needed=False)


def _probe(name: str) -> _Answer:
    """Run one probe in a process of its own, so that a crash in a driver is a finding and not the end."""
    command = [sys.executable, "-m", "viewer.cli.probes", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return _Answer({}, f"no answer within {PROBE_TIMEOUT_S} s")
    if done.returncode == 0:
        return _Answer(json.loads(done.stdout), "")
    words = done.stderr.strip().splitlines()
    if done.returncode < 0:
        return _Answer({}, f"crashed with signal {-done.returncode}" + (f": {words[0]}" if words else ""))
    return _Answer({}, words[-1] if words else f"ended with status {done.returncode}")
