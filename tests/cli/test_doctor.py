"""The doctor: its findings on a machine that lacks something. Most probes are answered by the tests."""

from __future__ import annotations

import ctypes
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from tests.messages import pattern
from tests.relevance.tissue_record import trained
from viewer.cli import doctor, probes
from viewer.cli import strings_doctor as strings
from viewer.common.errors import EncoderError
from viewer.ui.shell.display import DisplayError


def finding_of(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    *,
    probe: str = "",
    facts: dict[str, object] | None = None,
    failure: str = "",
    status: int = 1,
) -> doctor.Finding:
    """The finding ``name``. ``probe`` prints ``facts``, or ends with ``status`` and ``failure``, or, without
    either, is run. The other probes fail.
    """
    run = subprocess.run

    def probed(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        if command[-1] != probe:
            return subprocess.CompletedProcess(command, 1, "", "not probed")
        if facts is not None:
            return subprocess.CompletedProcess(command, 0, json.dumps(facts), "")
        return subprocess.CompletedProcess(command, status, "", failure) if failure else run(command, **more)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", probed)
        return next(finding for finding in doctor.examine() if finding.name == name)


@pytest.fixture
def no_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)


def test_without_opengl_the_hint_is_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    finding = finding_of(monkeypatch, "OpenGL", probe="offscreen", failure="\n", status=-11)
    assert not finding.works
    assert finding.detail == strings.CRASHED.format(signal=11)
    assert finding.hint == strings.SYSTEM_HINT
    assert "libegl1" in finding.hint


@pytest.mark.usefixtures("no_display")
def test_no_display_and_no_virtual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    finding = finding_of(monkeypatch, "display")
    assert not finding.works
    assert finding.hint == strings.XVFB_HINT
    assert not doctor.healthy([finding])


@pytest.mark.usefixtures("no_display")
def test_no_display_but_a_virtual_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/Xvfb")
    finding = finding_of(monkeypatch, "display")
    assert not finding.works
    assert doctor.healthy([finding])
    assert doctor.report([finding]).endswith(strings.NEEDS_DISPLAY)


def test_a_display_that_does_not_answer_is_not_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise DisplayError("the display :7 does not answer; check DISPLAY and access to it")

    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(doctor, "require_display", refused)
    finding = finding_of(monkeypatch, "display")
    assert not doctor.healthy([finding])
    assert finding.detail.startswith("the display :7 does not answer")


def test_no_graphics_card_is_no_illness(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(monkeypatch, "CUDA", probe="cuda", facts={"driver": None, "devices": []})
    assert not finding.works
    assert finding.detail == strings.NO_DRIVER
    assert doctor.healthy([finding])


def test_graphics_cards_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"driver": "12.4", "devices": ["Some Card"]}
    finding = finding_of(monkeypatch, "CUDA", probe="cuda", facts=facts)
    assert finding.works
    assert finding.detail == strings.CUDA.format(names="Some Card", driver="12.4")


def test_the_device_of_the_analysis_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    facts: dict[str, object] = {"torch": "2.9", "device": "CPU", "why": "no card"}
    finding = finding_of(monkeypatch, "analysis", probe="analysis", facts=facts)
    assert finding.detail == strings.ANALYSIS.format(**facts)
    finding = finding_of(monkeypatch, "analysis", probe="analysis", failure="ImportError: libtorch")
    assert not finding.works
    assert "libtorch" in finding.detail
    assert doctor.healthy([finding]), "slides are shown without"


def test_the_encoder_that_answers_words_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    facts: dict[str, object] = {"title": "Measured concepts", "version": "1", "page": ""}
    finding = finding_of(monkeypatch, "encoder", probe="encoder", facts=facts)
    assert finding.detail == strings.ENCODER.format(**facts)
    facts["page"] = "/there/tissue.md"
    finding = finding_of(monkeypatch, "encoder", probe="encoder", facts=facts)
    assert finding.detail == strings.ENCODER_WITH_CARD.format(**facts)
    finding = finding_of(
        monkeypatch, "encoder", probe="encoder", failure="EncoderError: tissue.json: damaged"
    )
    assert not finding.works
    assert doctor.healthy([finding]), "slides are shown without"


def test_the_probe_of_the_encoder_loads_it_and_fails_for_a_damaged_one() -> None:
    assert probes.encoder()["title"] == "Measured concepts"
    path = trained()
    assert probes.encoder()["page"] == str(path.with_name("tissue.md"))
    path.write_text("{}")
    with pytest.raises(EncoderError, match=re.escape(str(path))):
        probes.encoder()


def test_the_qt_that_crashes_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _name: "6.12.0")
    monkeypatch.setattr(sys, "version_info", (3, 11, 7))
    finding = finding_of(monkeypatch, "Qt")
    assert finding.detail == strings.QT_CRASHES.format(version="6.12.0")
    assert not finding.works


def test_a_missing_qt_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    finding = finding_of(monkeypatch, "Qt")
    assert not finding.works
    assert finding.hint == strings.QT_HINT


def test_codecs_decode_in_a_process_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(monkeypatch, "codecs", probe="codecs")
    assert finding.works
    assert re.fullmatch(pattern(strings.CODECS), finding.detail)


@pytest.mark.parametrize(("name", "probe"), [("OpenGL", "offscreen"), ("codecs", "codecs"), ("CUDA", "cuda")])
def test_a_probe_that_fails_crashes_or_hangs_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, name: str, probe: str
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    finding = finding_of(monkeypatch, name, probe=probe, failure="Traceback:\nKeyError: 'x'")
    assert not finding.works
    assert finding.detail == "KeyError: 'x'"
    assert finding_of(monkeypatch, name, probe=probe, failure="\n").detail == strings.ENDED.format(status=1)
    finding = finding_of(monkeypatch, name, probe=probe, failure="could not connect\nmore", status=-6)
    assert finding.detail == strings.CRASHED_WITH.format(signal=6, line="could not connect")

    def hangs(*_args: object, **_more: object) -> None:
        raise subprocess.TimeoutExpired("x", doctor.PROBE_TIMEOUT_S)

    monkeypatch.setattr(subprocess, "run", hangs)
    details = {finding.name: finding.detail for finding in doctor.examine()}
    assert details[name] == strings.NO_ANSWER.format(limit_s=doctor.PROBE_TIMEOUT_S)


def test_an_unknown_probe_fails_in_one_line() -> None:
    command = [sys.executable, "-m", "viewer.cli.probes", "no such probe"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines() == ["KeyError: 'no such probe'"]


def test_cuda_probe_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(probes.ctypes, "CDLL", missing)
    assert probes.cuda() == {"driver": None, "devices": []}


@pytest.mark.gl
def test_offscreen_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(monkeypatch, "OpenGL", probe="offscreen")
    assert finding.works
    assert re.fullmatch(pattern(strings.OFFSCREEN), finding.detail)


@pytest.mark.gui
def test_window_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    finding = finding_of(monkeypatch, "display", probe="window")
    assert finding.works
    assert finding.detail.split(",")[0] in {"xcb", "wayland", "windows", "cocoa"}
    assert re.fullmatch(pattern(strings.DISPLAY), finding.detail)


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


def assigned(pointer: Any) -> ctypes.c_int:
    """What a C function finds behind a pointer that it was passed."""
    return ctypes.cast(pointer, ctypes.POINTER(ctypes.c_int)).contents


class FakeDriver:
    """An NVIDIA driver with two cards, as its C interface answers: status 0, results through pointers."""

    def cuInit(self, _flags: int) -> int:
        return 0

    def cuDriverGetVersion(self, version: Any) -> int:
        assigned(version).value = 12040
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        assigned(count).value = 2
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:
        assigned(device).value = index
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
