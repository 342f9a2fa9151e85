"""The doctor: its findings on a machine that lacks something. Most probes are answered by the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.messages import pattern
from viewer.cli import doctor, probes
from viewer.cli import strings_doctor as strings
from viewer.ui.shell.display import DisplayError


def answer(
    monkeypatch: pytest.MonkeyPatch, *, facts: dict[str, object] | None = None, failure: str = ""
) -> None:
    monkeypatch.setattr(doctor, "_probe", lambda _name: doctor._Answer(facts or {}, failure))


def test_without_opengl_the_hint_is_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    crash = strings.CRASHED.format(signal=11)
    answer(monkeypatch, failure=crash)
    finding = doctor._offscreen()
    assert not finding.works
    assert finding.detail == crash
    assert finding.hint == strings.SYSTEM_HINT
    assert "libegl1" in finding.hint


def test_no_display_and_no_virtual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(doctor.shutil, "which", lambda _name: None)
    finding = doctor._display()
    assert not finding.works
    assert finding.hint == strings.XVFB_HINT
    assert not doctor.healthy([finding])


def test_no_display_but_a_virtual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(doctor.shutil, "which", lambda _name: "/usr/bin/Xvfb")
    finding = doctor._display()
    assert not finding.works
    assert doctor.healthy([finding])
    assert doctor.report([finding]).endswith(strings.NEEDS_DISPLAY)


def test_a_display_that_does_not_answer_is_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise DisplayError("the display :7 does not answer; check DISPLAY and access to it")

    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(doctor, "require_display", refused)
    finding = doctor._display()
    assert not doctor.healthy([finding])
    assert finding.detail.startswith("the display :7 does not answer")


def test_no_graphics_card_is_no_illness(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, facts={"driver": None, "devices": []})
    finding = doctor._cuda()
    assert not finding.works
    assert doctor.healthy([finding])


def test_graphics_cards_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, facts={"driver": "12.4", "devices": ["Some Card"]})
    finding = doctor._cuda()
    assert finding.works
    assert finding.detail == strings.CUDA.format(names="Some Card", driver="12.4")


def test_the_device_of_the_analysis_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    facts: dict[str, object] = {"torch": "2.9", "device": "CPU", "why": "no card"}
    answer(monkeypatch, facts=facts)
    assert doctor._analysis().detail == strings.ANALYSIS.format(**facts)
    answer(monkeypatch, failure="ImportError: libtorch")
    finding = doctor._analysis()
    assert not finding.works
    assert "libtorch" in finding.detail
    assert doctor.healthy([finding]), "slides are shown without"


def test_the_qt_that_crashes_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.importlib.metadata, "version", lambda _name: "6.12.0")
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    assert doctor._qt().detail == strings.QT_CRASHES.format(version="6.12.0")
    assert not doctor._qt().works


def test_a_missing_qt_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise doctor.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.importlib.metadata, "version", missing)
    assert not doctor._qt().works
    assert doctor._qt().hint == strings.QT_HINT


def test_codecs_decode_in_a_process_of_their_own() -> None:
    answer = doctor._probe("codecs")
    assert answer.failure == ""
    assert {"openslide", "jpeg", "jpeg2000"} <= set(answer.facts)


def test_a_probe_that_fails_or_crashes_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "KeyError" in doctor._probe("no such probe").failure

    def crashed(*_args: object, **_more: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], -6, "", "qt.qpa: could not connect\nmore")

    monkeypatch.setattr(doctor.subprocess, "run", crashed)
    assert doctor._probe("window").failure == strings.CRASHED_WITH.format(
        signal=6, line="qt.qpa: could not connect"
    )

    def hangs(*_args: object, **_more: object) -> None:
        raise subprocess.TimeoutExpired("x", doctor.PROBE_TIMEOUT_S)

    monkeypatch.setattr(doctor.subprocess, "run", hangs)
    assert doctor._probe("window").failure == strings.NO_ANSWER.format(limit_s=60)


def test_cuda_probe_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(probes.ctypes, "CDLL", missing)
    assert probes.cuda() == {"driver": None, "devices": []}


@pytest.mark.gl
def test_offscreen_probe() -> None:
    answer = doctor._probe("offscreen")
    assert answer.failure == ""
    assert answer.facts["renderer"]


@pytest.mark.gui
def test_window_probe() -> None:
    answer = doctor._probe("window")
    assert answer.failure == ""
    assert answer.facts["platform"] in {"xcb", "wayland", "windows", "cocoa"}


def test_report_and_data_agree() -> None:
    findings = [
        doctor.Finding("Python", True, "3.11"),
        doctor.Finding("OpenGL", False, "crashed", "install it"),
        doctor.Finding("CUDA", False, "no card", needed=False),
    ]
    text = doctor.report(findings)
    assert f"{strings.MARKS['missing']} OpenGL" in text
    assert "→ install it" in text
    assert f"{strings.MARKS['absent']} CUDA" in text
    assert text.endswith(strings.CANNOT_SHOW)
    assert strings.MARKS["missing"] in strings.CANNOT_SHOW
    data = json.loads(json.dumps(doctor.as_data(findings)))
    assert data["healthy"] is False
    assert [finding["name"] for finding in data["findings"]] == ["Python", "OpenGL", "CUDA"]
    assert doctor.report(findings[::2]).endswith(strings.CAN_SHOW)


class FakeDriver:
    """An NVIDIA driver with two cards, as its C interface answers: status 0, results through pointers."""

    def cuInit(self, _flags: int) -> int:
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:
        version._obj.value = 12040
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = 2
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:
        device._obj.value = index
        return 0

    def cuDeviceGetName(self, name: Any, length: int, device: Any) -> int:
        assert length >= 20
        name.value = f"Card {device.value}".encode()
        return 0


def test_cuda_probe_reads_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes.ctypes, "CDLL", lambda _name: FakeDriver())
    assert probes.cuda() == {"driver": "12.4", "devices": ["Card 0", "Card 1"]}


def test_cuda_probe_names_the_call_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = FakeDriver()
    monkeypatch.setattr(driver, "cuInit", lambda _flags: 100)
    monkeypatch.setattr(probes.ctypes, "CDLL", lambda _name: driver)
    with pytest.raises(RuntimeError, match=pattern(strings.DRIVER_ERROR, status=100, name="cuInit")):
        probes.cuda()
