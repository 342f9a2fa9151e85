"""Builds the wheel and works with it in a fresh environment that contains neither the checkout nor the tools.

The environment's packages are linked from the one that runs this script, but only those that the wheel's own
metadata requires, and what these require: an undeclared dependency is missing, as it would be for a user.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
import zipfile
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PACKAGES = ("viewer", "gpu", "shaders", "resources")
SHIPPED = ("pyproject.toml", "README.md", "LICENSE")


def build(folder: Path) -> Path:
    """The wheel, built from a copy: a stale build folder in the checkout could hide what is missing."""
    source = folder / "source"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in SHIPPED:
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    wanted = {
        str(p.relative_to(source)) for top in PACKAGES for p in (source / top).rglob("*") if p.is_file()
    }
    missing = wanted - set(zipfile.ZipFile(wheel).namelist())
    if missing:
        sys.exit(f"not in the wheel: {', '.join(sorted(missing))}")
    return wheel


def needed(requirements: list[str], seen: set[str]) -> set[str]:
    """The normalised names of what the requirements ask for on this machine, theirs included."""
    for requirement in map(Requirement, requirements):
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name not in seen and (requirement.marker is None or requirement.marker.evaluate({"extra": ""})):
            seen.add(name)
            needed(metadata.requires(name) or [], seen)
    return seen


def install(wheel: Path, folder: Path) -> Path:
    """The command `foveola` of a fresh environment."""
    environment = folder / "environment"
    venv.create(environment)
    (site,) = environment.glob("lib/python*/site-packages")
    command = [sys.executable, "-m", "pip", "--quiet", "--python", environment / "bin" / "python"]
    subprocess.run([*command, "install", "--no-deps", wheel], check=True)
    (installed,) = metadata.distributions(name="foveola", path=[str(site)])
    for name in needed(installed.requires or [], set()):
        package = metadata.distribution(name)
        for top in {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(package.locate_file(top))
    return environment / "bin" / "foveola"


def smoke(foveola: Path, folder: Path) -> None:
    """A slide is made, opened, drawn and asked about, far from the checkout."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    clean["FOVEOLA_HOME"] = str(folder / "home")

    def run(*words: object) -> str:
        sys.stdout.write(f"foveola {' '.join(map(str, words))}\n")
        return subprocess.check_output([foveola, *map(str, words)], cwd=folder, env=clean, text=True)

    run("doctor")
    run("phantom", "slide.tif", "--size", 2048)
    if '"width"' not in run("info", "slide.tif", "--json"):
        sys.exit("info does not state the slide's size")
    view = ["--center", "1024,1024", "--downsample", "4", "--size", "400x300", "--overlay", "viridis"]
    run("snapshot", "slide.tif", *view, "--query", "tumour", "--output", "snapshot.png")
    if not (folder / "snapshot.png").stat().st_size:
        sys.exit("the snapshot is empty")
    run("query", "slide.tif", "lymphocytes", "--json")
    if '"plip"' not in run("models", "list", "--json"):
        sys.exit("the known models are not listed")


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="foveola-wheel-") as name:
        folder = Path(name)
        smoke(install(build(folder), folder), folder)


if __name__ == "__main__":
    main()
