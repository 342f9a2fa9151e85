"""What a folder of weights is: its architecture by the tensors, its colours by what describes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import save_file

from tests.messages import pattern
from tests.relevance import small_models as small
from viewer.common.errors import EncoderError
from viewer.relevance.encoders.hub import strings
from viewer.relevance.encoders.hub.probe import probed, stated_statistics
from viewer.relevance.models.checkpoint import sha256_of
from viewer.relevance.models.normalisation import STATISTICS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("names", "architecture", "statistics", "field_px"),
    [
        (["vision_model.post_layernorm.weight", "text_projection.weight"], "clip", "openai", 256),
        (["visual.conv1.weight"], "clip", "openai", 256),
        (["visual_head.0.weight", "visual.blocks.0.norm1.weight"], "keep", "imagenet", 256),
        (["visual.trunk.cls_token", "text.cls_emb"], "conch", "openai", 512),
    ],
)
def test_the_tensors_name_the_architecture(
    tmp_path: Path, names: list[str], architecture: str, statistics: str, field_px: int
) -> None:
    file = tmp_path / "model.safetensors"
    save_file({name: torch.zeros(2) for name in names}, file)
    table = probed(tmp_path)
    assert (table["architecture"], table["statistics"]) == (architecture, statistics)
    assert (table["field_px"], table["mpp_um"]) == (field_px, 0.5)
    assert table["sha256"] == sha256_of(file)
    assert probed(tmp_path, known={"architecture": architecture}) == {
        "folder": str(tmp_path),
        "sha256": table["sha256"],
    }


def test_a_vision_transformer_must_state_its_colours(tmp_path: Path) -> None:
    shapes = small.vit_shapes("", width=64, depth=1, layer_scale=False)
    save_file(small.random_like(shapes), tmp_path / "patches.safetensors")
    table = probed(tmp_path, statistics="half")
    assert (table["architecture"], table["heads"]) == ("vit", [1, 1])
    assert "sha256" not in table
    with pytest.raises(EncoderError, match=pattern(strings.STATISTICS_NEEDED)):
        probed(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("preprocessor_config.json", {"image_mean": [0.48145466, 0.4578275, 0.40821073]}),
        ("open_clip_config.json", {"preprocess_cfg": {"mean": [0.485, 0.456, 0.406]}}),
        ("config.json", {"pretrained_cfg": {"mean": [0.5, 0.5, 0.5]}}),
        ("config.json", {"pretrained_cfg": {"mean": [0.703, 0.536, 0.661]}}),
    ],
)
def test_a_model_s_own_description_states_its_colours(
    tmp_path: Path, file: str, content: dict[str, Any]
) -> None:
    (tmp_path / file).write_text(json.dumps(content))
    named = stated_statistics(tmp_path)
    assert named is not None
    (stated,) = content.values()
    mean = stated["mean"] if isinstance(stated, dict) else stated
    assert STATISTICS[named][0] == pytest.approx(mean, abs=1e-3)


@pytest.mark.parametrize("content", ["", "[]", '{"image_mean": "grey"}', '{"image_mean": [1, 2]}'])
def test_a_description_may_state_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert stated_statistics(tmp_path) is None


def test_colours_that_are_not_known_are_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"image_mean": [0.1, 0.2, 0.3]}')
    with pytest.raises(EncoderError, match=pattern(strings.OTHER_STATISTICS)):
        stated_statistics(tmp_path)
