"""The set-up script for system libraries, on machines that the test makes up with stub commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / ".ci" / "system-libs"
NO_LIBRARIES = "echo nothing here"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux packages")


def run(
    folder: Path, *words: str, python: str = sys.executable, **stubs: str
) -> subprocess.CompletedProcess[str]:
    """Run the script with each stub, a shell line, standing in for the command of its name (_ for -)."""
    for name, line in stubs.items():
        stub = folder / name.replace("_", "-")
        stub.write_text(f"#!/bin/sh\n{line}\n")
        stub.chmod(0o755)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHON": python}
    command = [SCRIPT, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


def listing(*, without: str = "none") -> str:
    """What ldconfig prints where every library but one is there."""
    words = [line.split()[0] for line in SCRIPT.read_text().splitlines() if line.strip()]
    libraries = [word for word in words if ".so." in word and without not in word]
    return "\n".join(f"printf '\\t%s (libc6) => /lib/x\\n' {library}" for library in libraries)


def test_other_users_get_the_command_to_run(tmp_path: Path) -> None:
    done = run(
        tmp_path, ldconfig=NO_LIBRARIES, id="echo 1000", apt_get="exit 9", sudo=f"touch {tmp_path}/sudo-ran"
    )
    assert done.returncode == 2
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("apt-get install --no-install-recommends libgl1 libegl1 ")
    assert "libxcb-cursor0" in lines[1]
    assert not (tmp_path / "sudo-ran").exists()


def test_root_installs_what_is_missing(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    done = run(tmp_path, ldconfig=NO_LIBRARIES, id="echo 0", apt_get=f'echo "$@" >>{calls}')
    assert done.returncode == 0, done.stderr
    update, install = calls.read_text().splitlines()
    assert update.endswith(" update")
    assert " install -y --no-install-recommends libgl1 libegl1 " in install


def test_a_failed_installation_fails(tmp_path: Path) -> None:
    done = run(tmp_path, ldconfig=NO_LIBRARIES, id="echo 0", apt_get="exit 100")
    assert done.returncode != 0


EVERYTHING_ELSE = {"apt_get": "exit 9", "Xvfb": "exit", "xauth": "exit", "find": "echo swrast_dri.so"}


def test_one_missing_library_is_one_package(tmp_path: Path) -> None:
    done = run(tmp_path, ldconfig=listing(without="cursor"), id="echo 1000", **EVERYTHING_ELSE)
    assert done.returncode == 2
    assert done.stderr.splitlines()[1] == "apt-get install --no-install-recommends libxcb-cursor0"


def test_a_complete_machine_is_left_alone(tmp_path: Path) -> None:
    done = run(tmp_path, ldconfig=listing(), id="echo 0", **EVERYTHING_ELSE)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_lint_needs_no_library_but_the_means_to_make_an_environment(tmp_path: Path) -> None:
    bare = {"ldconfig": NO_LIBRARIES, "id": "echo 1000", "apt_get": "exit 9"}
    done = run(tmp_path, "python", **bare)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = run(tmp_path, "python", python="false", **bare)
    assert done.returncode == 2
    assert done.stderr.splitlines()[1] == "apt-get install --no-install-recommends python3-venv"
