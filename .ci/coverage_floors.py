"""Compares what the tests reach of each room with its floor in pyproject.toml: 98 % where none is given.

Not 100 %: which branch of threads and processes a run reaches depends on how busy the machine is.
"""

from __future__ import annotations

import json
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import coverage

ROOT = Path(__file__).parents[1]
USUAL_FLOOR = 98
COUNTS = ("covered_lines", "covered_branches", "num_statements", "num_branches")


def measured() -> dict[str, dict[str, Any]]:
    """What coverage says of each file, from the data that `make test` leaves."""
    data = coverage.Coverage(config_file=str(ROOT / "pyproject.toml"))
    data.load()
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        data.json_report(outfile=file.name)
        files: dict[str, dict[str, Any]] = json.load(file)["files"]
    return files


def gaps(file: dict[str, Any]) -> str:
    """The lines and branches of a file that no test reaches."""
    branches = [f"{start}->{end}" for start, end in file["missing_branches"]]
    return ", ".join([*map(str, file["missing_lines"]), *branches])


def main() -> int:
    """Prints each room not covered wholly, then the gaps of those below their floor. The exit status."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    floors = project["tool"]["coverage-floors"]
    files = measured()
    rooms = defaultdict(list)
    for path in sorted(files):
        rooms[str(Path(path).parent)].append(path)
    below: list[str] = []
    for room, paths in rooms.items():
        lines, branches, all_lines, all_branches = (
            sum(files[p]["summary"][c] for p in paths) for c in COUNTS
        )
        total = all_lines + all_branches  # 0: an __init__ alone
        reached = 100 * (lines + branches) / total if total else 100.0
        floor = floors.get(room, USUAL_FLOOR)
        row = f"{room:40} {reached:6.2f} %, floor {floor} %\n"
        if reached < 100:
            sys.stdout.write(row)
        if reached < floor:
            below += [row, *(f"    {path}: {gap}\n" for path in paths if (gap := gaps(files[path])))]
    if below:
        sys.stdout.write("Below their floor:\n")
        sys.stdout.writelines(below)
    return int(bool(below))


if __name__ == "__main__":
    sys.exit(main())
