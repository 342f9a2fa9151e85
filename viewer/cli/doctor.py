"""``foveola doctor``: what works on this machine, and what to install where something does not."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from viewer.cli import strings_doctor as strings
from viewer.ui.shell.display import DisplayError, has_display, require_display

PROBE_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """One examined part. ``hint``: what to do where it fails; ``needed``: no slide is shown without it."""

    name: str
    works: bool
    detail: str
    hint: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class _Answer:
    """The facts that a probe printed, or its failure in one line."""

    facts: dict[str, Any]
    failure: str


def examine() -> list[Finding]:
    """Findings on every part. Takes some seconds; parts that may crash run in processes of their own."""
    return [_python(), _qt(), _offscreen(), _display(), _codecs(), _cuda(), _analysis(), _encoder()]


def report(findings: list[Finding]) -> str:
    """The findings as text, one a line, with what to do below those that fail."""
    lines = []
    for finding in findings:
        mark = "works" if finding.works else "missing" if finding.needed else "absent"
        lines.append(f"{strings.MARKS[mark]} {finding.name:<12} {finding.detail}")
        if finding.hint:
            lines.append(f"        {'':<12} → {finding.hint}")
    if not healthy(findings):
        verdict = strings.CANNOT_SHOW
    elif any(finding.name == "display" and not finding.works for finding in findings):
        verdict = strings.NEEDS_DISPLAY
    else:
        verdict = strings.CAN_SHOW
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
        return Finding("Qt", False, strings.NO_QT, strings.QT_HINT)
    if version.startswith("6.12") and sys.version_info < (3, 12):
        return Finding("Qt", False, strings.QT_CRASHES.format(version=version), strings.QT_HINT)
    return Finding("Qt", True, strings.QT.format(version=version))


def _offscreen() -> Finding:
    if sys.platform != "linux":
        return Finding("OpenGL", False, strings.OFFSCREEN_ON_LINUX, needed=False)
    answer = _probe("offscreen")
    if answer.failure:
        return Finding("OpenGL", False, answer.failure, strings.SYSTEM_HINT)
    return Finding("OpenGL", True, strings.OFFSCREEN.format(**answer.facts))


def _display() -> Finding:
    if not has_display():
        if shutil.which("Xvfb"):
            hint = strings.DEMO_HINT
            return Finding("display", False, strings.NO_DISPLAY_BUT_XVFB, hint, needed=False)
        return Finding("display", False, strings.NO_DISPLAY, strings.XVFB_HINT)
    try:
        require_display()
    except DisplayError as error:
        hint = strings.LIBRARY_HINT.format(hint=strings.SYSTEM_HINT)
        return Finding("display", False, str(error), hint)
    answer = _probe("window")
    if answer.failure:
        return Finding("display", False, answer.failure, strings.SYSTEM_HINT)
    width, height = answer.facts["screen_px"]
    return Finding("display", True, strings.DISPLAY.format(width=width, height=height, **answer.facts))


def _codecs() -> Finding:
    answer = _probe("codecs")
    if answer.failure:
        return Finding("codecs", False, answer.failure, strings.CODECS_HINT)
    return Finding("codecs", True, strings.CODECS.format(**answer.facts))


def _cuda() -> Finding:
    answer = _probe("cuda")
    if answer.failure:
        return Finding("CUDA", False, answer.failure, strings.DRIVER_HINT, needed=False)
    if not answer.facts["devices"]:
        return Finding("CUDA", False, strings.NO_DRIVER, needed=False)
    names = ", ".join(answer.facts["devices"])
    detail = strings.CUDA.format(names=names, driver=answer.facts["driver"])
    return Finding("CUDA", True, detail, needed=False)


def _analysis() -> Finding:
    answer = _probe("analysis")
    if answer.failure:
        return Finding("analysis", False, answer.failure, strings.TORCH_HINT, needed=False)
    return Finding("analysis", True, strings.ANALYSIS.format(**answer.facts), needed=False)


def _encoder() -> Finding:
    answer = _probe("encoder")
    if answer.failure:
        return Finding("encoder", False, answer.failure, needed=False)
    template = strings.ENCODER_WITH_CARD if answer.facts["page"] else strings.ENCODER
    return Finding("encoder", True, template.format(**answer.facts), needed=False)


def _probe(name: str) -> _Answer:
    """Run one probe in a process of its own, so that a crash in a driver does not end the doctor."""
    command = [sys.executable, "-m", "viewer.cli.probes", name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return _Answer({}, strings.NO_ANSWER.format(limit_s=PROBE_TIMEOUT_S))
    if done.returncode == 0:
        return _Answer(json.loads(done.stdout), "")
    lines = done.stderr.strip().splitlines()
    if done.returncode < 0:
        template = strings.CRASHED_WITH if lines else strings.CRASHED
        return _Answer({}, template.format(signal=-done.returncode, line=lines[0] if lines else ""))
    return _Answer({}, lines[-1] if lines else strings.ENDED.format(status=done.returncode))
