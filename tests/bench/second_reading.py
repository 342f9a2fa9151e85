"""Twenty phantom cases read in the real window by a script: blinded first, revealed, revised, signed.

The reports must say what the script did, and each planted focus that the script passed over must be listed
before the signature, as a finding or as tissue not displayed. Prints what was not, and times.

PYTHONPATH=. xvfb-run -s "-screen 0 1400x1000x24" python tests/bench/second_reading.py [CASES]
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.ui.shell.main_window import MainWindow

SIZE_PX = 8192
FOCUS_UM = 120.0
READER = "bench"
LIMIT_S = 600.0


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with tempfile.TemporaryDirectory() as place:
        os.environ["FOVEOLA_HOME"] = f"{place}/home"
        folder = Path(place) / "cases"
        folder.mkdir()
        foci = {name: _phantom(folder / f"{name}.tif", number) for number, name in _named(count)}
        from viewer.common.settings import Settings
        from viewer.ui.shell.app import application

        with application(Settings.default()) as (app, window):
            reading = Reading(window, app.processEvents, Path(place))
            reading.begin(folder)
            wrong = [problem for name, focus in foci.items() for problem in reading.read(name, focus)]
            print("\n".join(wrong) or "reports and lists say what the script did")
            print(f"cases {count}, with a focus {sum(focus is not None for focus in foci.values())}")
            print(f"focus found by the program {reading.found} of {reading.planted}")
            median_s, most_s = statistics.median(reading.opened_s), max(reading.opened_s)
            print(f"a case opened and sharp: median {median_s:.2f} s, at most {most_s:.2f} s")


def _named(count: int) -> list[tuple[int, str]]:
    return [(number, f"case {number:02}") for number in range(count)]


def _phantom(file: Path, number: int) -> tuple[float, float] | None:
    """Write a slide; the middle of its focus, None for one without."""
    from viewer.slide.phantom.slide import write_phantom

    has_focus = number % 2 == 0
    write_phantom(file, size_px=SIZE_PX, seed=number, focus_um=FOCUS_UM if has_focus else None)
    if not has_focus:
        return None
    regions = json.loads(file.with_suffix(".regions.geojson").read_text())
    for feature in regions["features"]:
        if "tumour" in json.dumps(feature["properties"]):
            corners = np.asarray(feature["geometry"]["coordinates"][0], float).reshape(-1, 2)
            x, y = corners.mean(axis=0)
            return float(x), float(y)
    raise LookupError(file)


class Reading:
    """One reader at the window."""

    def __init__(self, window: MainWindow, process_events: Callable[[], None], folder: Path) -> None:
        self._window, self._process_events, self._folder = window, process_events, folder
        self._desk = window.review
        self.opened_s: list[float] = []
        self.found = self.planted = 0

    def begin(self, folder: Path) -> None:
        """Add the cases, and have all of them read."""
        self._window.actions_["worklist"].trigger()
        page = self._desk.list
        assert page is not None
        page.add_folder(folder)
        page.read.click()
        self._wait(lambda: self._desk.second_reader.waiting == 0)
        page.close()

    def read(self, title: str, focus: tuple[float, float] | None) -> list[str]:
        """Read one case; what is wrong with its report or its lists."""
        from viewer.review.reading.kinds import Answer, Mode
        from viewer.review.report.write import write_report

        desk, reading = self._desk, self._desk.reading
        worklist = desk.worklist
        assert worklist is not None
        (case,) = [one for one in worklist.cases() if one.title == title]
        started_s = perf_counter()
        desk.open_case(case.id, READER, Mode.BLINDED_FIRST)
        self._wait(lambda: reading.slides.slide_id is not None and self._window.view.sharp)
        self.opened_s.append(perf_counter() - started_s)
        self._wait(lambda: desk.coverage.shares is not None)
        form = reading.panel.opinion
        form.choose("abnormal", "no")
        form.choose("category", "nothing abnormal")
        form.record.click()
        form.reveal.click()
        assert reading.session is not None
        proposed = reading.session.reading.proposed
        problems = [] if focus is None else self._check_focus(title, focus)
        for number, finding in enumerate(proposed):
            answer = Answer.AGREE if number % 2 else Answer.DISAGREE
            reading.panel.findings.answered.emit(finding.id, answer, "", f"said {number}")
        form.choose("abnormal", "yes")
        form.choose("category", "other")
        form.reason.setText("shown by the program")
        form.record.click()
        reading.show_page("sign")
        reading.panel.sign.sign.click()
        file = self._folder / f"{case.id}.json"
        assert desk.worklist is not None
        write_report(desk.worklist.record, case.id, file)
        problems += self._check_report(title, json.loads(file.read_text()), len(proposed))
        reading.leave()
        return problems

    def _check_focus(self, title: str, focus: tuple[float, float]) -> list[str]:
        """The script goes to no focus: it must be among the findings, or in tissue that was not displayed."""
        reading, coverage = self._desk.reading, self._desk.coverage.recorder.coverage
        assert reading.session is not None
        assert coverage is not None
        self.planted += 1
        x, y = focus
        hits = [
            finding
            for finding in reading.session.reading.proposed
            if finding.extent.x0 <= x <= finding.extent.x1 and finding.extent.y0 <= y <= finding.extent.y1
        ]
        self.found += bool(hits)
        reading.show_page("sign")
        column, row = int(x / coverage.cell_px), int(y / coverage.cell_px)
        is_listed = not coverage.displayed(self._desk.coverage.required)[row, column]
        listed = reading.panel.sign.not_displayed.count() > 0
        return [] if hits or (is_listed and listed) else [f"{title}: its focus is listed nowhere"]

    def _check_report(self, title: str, report: dict[str, Any], findings: int) -> list[str]:
        (one,) = report["readings"]
        first, last = one["opinions"][0]["answers"], one["opinions"][-1]["answers"]
        said = json.dumps(report)
        checks = {
            "first opinion": "no" in json.dumps(first) and "yes" not in json.dumps(first),
            "last opinion": "yes" in json.dumps(last),
            "opinions": len(one["opinions"]) == 2,
            "reason": "shown by the program" in said,
            "findings": len(report["findings"]) == findings,
            "answers": all(f"said {number}" in said for number in range(findings)),
            "signature": bool(one["signatures"]) and READER in json.dumps(one["signatures"]),
        }
        return [
            f"{title}: the report has another {what}" for what, is_right in checks.items() if not is_right
        ]

    def _wait(self, until: Callable[[], bool]) -> None:
        deadline_s = perf_counter() + LIMIT_S
        while not until():
            if perf_counter() > deadline_s:
                raise TimeoutError
            self._process_events()


if __name__ == "__main__":
    main()
