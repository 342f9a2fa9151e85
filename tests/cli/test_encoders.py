"""``foveola encoders``: what it lists, and the network that it extracts from a training checkpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch

from viewer.cli import main as cli
from viewer.cli import strings
from viewer.relevance.encoders.model_registry import registry_file

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_encoders_are_listed_with_their_terms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path))
    (tmp_path / "config").mkdir()
    (tmp_path / "plip").mkdir()
    (tmp_path / "plip" / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config" / "models.toml").write_text(
        f'[plip]\nfolder = "{tmp_path / "plip"}"\n[bad]\nfolder = "nowhere"\n'
    )
    assert cli.main(["encoders"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("measured ")
    assert strings.COMMERCIAL_USE[False] in printed.out
    assert printed.out.endswith(strings.ADD_MODELS.format(path=registry_file()) + "\n")
    assert "[bad]" in printed.err
    assert [card["id"] for card in json.loads(_json_of(capsys))] == ["measured", "saliency", "plip"]


def _json_of(capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.main(["encoders", "--json"]) == 0
    return capsys.readouterr().out


def test_the_weights_of_a_network_are_extracted_from_a_training_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = {"cls_token": torch.zeros(1, 1, 64), "pos_embed": torch.zeros(1, 197, 64)}
    trained, target = tmp_path / "trained.pth", tmp_path / "network.safetensors"
    torch.save({"teacher": tensors, "optimizer": {"state": torch.zeros(10_000)}}, trained)
    assert cli.main(["encoders", "--extract", str(trained), str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert target.stat().st_size < trained.stat().st_size
    assert cli.main(["encoders", "--extract", str(trained), str(trained)]) == 2
    assert strings.NOT_SAFETENSORS.format(path=trained) in capsys.readouterr().err
    torch.save({"fc.weight": torch.zeros(2, 2)}, trained)
    assert cli.main(["encoders", "--extract", str(trained), str(target)]) == 1
    assert "trained.pth" in capsys.readouterr().err
