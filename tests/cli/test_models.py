"""``foveola models``: what is listed, asked, fetched, registered and removed; and what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from tests.messages import pattern
from tests.relevance import small_models as small
from tests.relevance.encoders.hub.local_hub import COMMIT, TOKEN, LocalHub, Repository, hub_of_test
from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.encoders import strings as encoder_strings
from viewer.relevance.encoders.hub import fetch, published
from viewer.relevance.encoders.hub import strings as hub_strings
from viewer.relevance.encoders.model_registry import read_registry, registry_file
from viewer.relevance.encoders.registry import load_encoder

if TYPE_CHECKING:
    from collections.abc import Iterator

PLIP = "vinid/plip"
ROOT = Path(__file__).parents[2]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalHub]:
    """A hub with a small CLIP in PLIP's place."""
    small.write_clip(tmp_path / "published")
    files = {path.name: path.read_bytes() for path in (tmp_path / "published").iterdir()}
    plip = published.known_source("plip")
    assert plip is not None
    with hub_of_test(tmp_path, monkeypatch) as served:
        served.repositories[PLIP] = Repository(files, commit=str(plip.revision), licence="")
        yield served


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the user types, line by line."""
    typed: list[str] = []
    monkeypatch.setattr("builtins.input", lambda _question: typed.pop(0))
    return typed


def listed(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, dict[str, Any]]:
    capsys.readouterr()
    assert cli.main(["models", "list", "--json", *options]) == 0
    return {one["id"]: one for one in json.loads(capsys.readouterr().out)}


def test_a_model_is_fetched_after_a_yes_and_offered_at_once(
    hub: LocalHub, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert listed(capsys)["plip"]["state"] == "not here"
    assert hub.asked == []
    answers += ["maybe", "yes"]
    assert cli.main(["models", "get", "plip"]) == 1
    printed = capsys.readouterr()
    assert strings.NOTHING_FETCHED in printed.err
    for words in ("research only", strings.COMMERCIAL_USE[False], PLIP, "model.safetensors"):
        assert words in printed.out
    assert not any("resolve" in path for path in hub.paths())
    assert cli.main(["models", "get", "plip"]) == 0
    assert "--encoder plip" in capsys.readouterr().out
    assert load_encoder("plip").card.title == "PLIP"
    assert read_registry().models["plip"].sha256
    assert listed(capsys)["plip"]["state"] == "here"
    hub.asked.clear()
    assert cli.main(["models", "get", "plip", "--yes"]) == 0
    assert hub.asked == []


def test_what_was_begun_is_not_complete_until_it_is(
    hub: LocalHub, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories[PLIP].cut_bytes = 0
    assert cli.main(["models", "get", "plip", "--yes"]) == 1
    assert read_registry().models == {}
    assert listed(capsys)["plip"]["state"] == "begun"
    assert cli.main(["models", "list"]) == 0
    assert strings.MODEL_STATES["begun"] in capsys.readouterr().out
    hub.repositories[PLIP].cut_bytes = None
    answers.append("yes")
    assert cli.main(["models", "get", "plip"]) == 0


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fetch_is_continued(hub: LocalHub, how: signal.Signals) -> None:
    hub.repositories[PLIP].pause_s = 0.05
    command = [sys.executable, "-m", "viewer", "models", "get", "plip", "--yes"]
    environment = os.environ | {"HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "PYTHONPATH": str(ROOT)}
    running = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    part = fetch.model_dir("plip") / ".model.safetensors.part"
    end = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size > 10_000):
        assert time.monotonic() < end
        time.sleep(0.02)
    running.send_signal(how)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == (1 if how == signal.SIGINT else -signal.SIGKILL), errors
    assert len(errors.splitlines()) <= 1
    assert read_registry().models == {}
    hub.repositories[PLIP].pause_s = 0
    hub.asked.clear()
    there = part.stat().st_size
    assert cli.main(["models", "get", "plip", "--yes"]) == 0
    assert hub.asked[-1][2]["range"] == f"bytes={there}-"
    assert load_encoder("plip")


def test_a_gated_model_needs_the_users_own_token(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories[PLIP].gated = "manual"
    assert cli.main(["models", "get", "plip", "--yes"]) == 1
    printed = capsys.readouterr()
    assert printed.err.rstrip().endswith(hub_strings.NO_ACCESS.format(page=f"{hub.url}/{PLIP}"))
    assert strings.GATED in printed.out
    monkeypatch.setenv("HF_TOKEN", "of somebody without access")
    assert cli.main(["models", "get", "plip", "--yes"]) == 1
    assert hub_strings.NO_ACCESS.format(page=f"{hub.url}/{PLIP}") in capsys.readouterr().err
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert cli.main(["models", "get", "plip", "--yes"]) == 0


def test_a_model_that_does_not_load_is_not_registered(
    hub: LocalHub, capsys: pytest.CaptureFixture[str]
) -> None:
    del hub.repositories[PLIP].files["vocab.json"]
    assert cli.main(["models", "get", "plip", "--yes"]) == 1
    assert "tokenizer" in capsys.readouterr().err
    assert read_registry().models == {}


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["get", "unknown"], 2, hub_strings.NOT_KNOWN),
        (["get", "hipt"], 1, hub_strings.ON_NO_HUB),
        (["add", "nowhere"], 1, hub_strings.NO_SUCH_MODEL),
        (["add", "some/where", "--name", "a/b"], 1, encoder_strings.MODEL_NAME),
        (["add", "some/where", "--yes"], 1, hub_strings.NO_REPOSITORY),
        (["add", ".", "--name", "measured"], 1, encoder_strings.RESERVED_NAME),
        (["remove", "plip"], 1, hub_strings.NOT_REGISTERED),
        (["remove", "../plip"], 1, encoder_strings.MODEL_NAME),
        (["add", "some/where", "--name", "plip"], 1, hub_strings.KNOWN),
        (["add", "vocab.json"], 1, hub_strings.NO_WEIGHTS_FILE),
    ],
)
def test_what_cannot_be_done_is_one_line(
    hub: LocalHub,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    status: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path / "published")
    assert cli.main(["models", *words]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(pattern(message), line)
    assert hub.url


def test_without_the_extra_one_line_says_how_to_install_it(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert cli.main(["models", "get", "plip", "--yes"]) == 1
    assert capsys.readouterr().err == strings.ERROR_LINE.format(error=hub_strings.EXTRA_NEEDED) + "\n"
    assert hub.asked == []


def test_another_model_of_the_name_is_left_alone(
    hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["models", "add", str(tmp_path / "published"), "--name", "plip"]) == 0
    assert read_registry().models["plip"].folder == tmp_path / "published"
    capsys.readouterr()
    assert cli.main(["models", "get", "plip", "--yes"]) == 1
    assert "foveola models remove plip" in capsys.readouterr().err
    assert cli.main(["models", "remove", "plip", "--yes"]) == 0
    assert (tmp_path / "published" / "model.safetensors").exists()
    assert hub.asked == []


def test_a_folder_is_added_as_what_it_is(
    hub: LocalHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = (tmp_path / "published").rename(tmp_path / "ours")
    options = ["--title", "Our CLIP", "--licence", "our own"]
    assert cli.main(["models", "add", str(folder), *options]) == 0
    entry = read_registry().models["ours"]
    assert (entry.architecture, entry.statistics, entry.folder) == ("clip", "openai", folder)
    assert (entry.card.title, entry.card.licence, entry.card.commercial) == ("Our CLIP", "our own", None)
    assert listed(capsys)["ours"]["folder"] == str(folder)
    assert hub.asked == []


def test_a_file_of_a_vision_transformer_is_copied_and_added(
    hub: LocalHub, tmp_path: Path, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dino.safetensors"
    save_file(small.random_like(small.vit_shapes("", width=64, depth=2, layer_scale=True)), file)
    assert cli.main(["models", "add", str(file)]) == 1
    assert "--statistics" in capsys.readouterr().err
    assert not fetch.model_dir("dino").exists()
    assert cli.main(["models", "add", str(file), "--statistics", "half"]) == 0
    file.unlink()
    entry = read_registry().models["dino"]
    assert (entry.architecture, entry.card.attention_heads) == ("vit", (1, 1))
    assert load_encoder("dino").card.attends == "tokens"
    answers += ["no", "yes"]
    assert cli.main(["models", "remove", "dino"]) == 1
    assert fetch.model_dir("dino").exists()
    assert cli.main(["models", "remove", "dino"]) == 0
    assert not fetch.model_dir("dino").exists()
    assert read_registry().models == {}
    assert hub.asked == []


def test_another_repository_is_added_after_a_yes(
    hub: LocalHub, answers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    hub.repositories["some/clip"] = Repository(hub.repositories[PLIP].files, licence="cc-by-nc-4.0")
    answers += ["", "yes"]
    assert cli.main(["models", "add", "some/clip"]) == 1
    assert cli.main(["models", "add", "some/clip", "--revision", COMMIT]) == 0
    assert "cc-by-nc-4.0" in capsys.readouterr().out
    entry = read_registry().models["clip"]
    assert (entry.card.licence, entry.card.commercial) == ("cc-by-nc-4.0", False)
    pinned = fetch.pinned(fetch.model_dir("clip"))
    assert pinned is not None
    assert pinned.commit == COMMIT


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"layer1.0.conv1.weight": torch.zeros(2, 2)}, hub_strings.NOT_FOR_PATCHES),
        ({"fc.weight": torch.zeros(2, 2)}, hub_strings.UNKNOWN_WEIGHTS),
    ],
)
def test_weights_of_other_models_are_refused(
    hub: LocalHub,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    tensors: dict[str, torch.Tensor],
    message: str,
) -> None:
    save_file(tensors, tmp_path / "other.safetensors")
    assert cli.main(["models", "add", str(tmp_path / "other.safetensors")]) == 1
    assert re.search(pattern(message), capsys.readouterr().err)
    assert not registry_file().exists()
    assert hub.asked == []


def test_a_script_without_an_answer_fetches_nothing(
    hub: LocalHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ended(_question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", ended)
    assert cli.main(["models", "get", "plip"]) == 1
    assert strings.NOTHING_FETCHED in capsys.readouterr().err
    assert not any("resolve" in path for path in hub.paths())
