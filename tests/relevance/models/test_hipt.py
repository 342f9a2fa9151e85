"""HIPT's networks against the reference's numbers (named parity), and what is said of other files."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from tests.messages import pattern
from tests.relevance import hipt_parity as fixture
from tests.relevance.hipt_parity import load_patch_level, load_region_level
from viewer.relevance.models import strings
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.models.heads import strings as head_strings
from viewer.relevance.models.heads.load import load_slide_head
from viewer.relevance.models.hipt import (
    load_hipt,
    normalised,
    save_backbone,
)
from viewer.relevance.models.vit import positions_for

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.relevance.models.hipt import RegionTransformer
    from viewer.relevance.models.vit import VisionTransformer


@pytest.fixture(scope="module")
def vit256(tmp_path_factory: pytest.TempPathFactory) -> VisionTransformer:
    path = tmp_path_factory.mktemp("hipt") / "vit256.pth"
    wrapped = {f"module.backbone.{name}": tensor for name, tensor in fixture.weights("vit256").items()}
    wrapped["module.head.mlp.0.weight"] = torch.zeros(3, 3)
    torch.save({"teacher": wrapped, "student": {}, "epoch": 3, "args": argparse.Namespace(lr=1e-3)}, path)
    return load_patch_level(path)


@pytest.fixture(scope="module")
def vit4k(tmp_path_factory: pytest.TempPathFactory) -> RegionTransformer:
    path = tmp_path_factory.mktemp("hipt") / "vit4k.pth"
    torch.save({"teacher": dict(fixture.weights("vit4k"))}, path)
    return load_region_level(path, feature_width=384)


def relative_error(found: np.ndarray, wanted: np.ndarray) -> float:
    return float((np.abs(found - wanted) / np.maximum(np.abs(wanted), 1e-12)).max())


@torch.inference_mode()
@pytest.mark.parametrize("name", ["r1024", "r1024x1536"])
def test_parity_of_patches_and_regions(
    name: str, vit256: VisionTransformer, vit4k: RegionTransformer
) -> None:
    expected = fixture.expected()
    pixels = fixture.region(name)
    rows, cols = pixels.shape[0] // 256, pixels.shape[1] // 256
    features, attention = vit256.attend(normalised(fixture.patches(pixels)))
    assert np.abs(features.numpy() - expected[f"{name}_cls256"]).max() < 2e-5
    assert np.abs(features.mean(0).numpy() - expected[f"{name}_mean256"]).max() < 2e-5
    found = attention.unflatten(-1, (16, 16)).numpy()
    assert relative_error(found, expected[f"{name}_attn256"]) < 5e-5
    region, attention = vit4k.attend(features.reshape(1, rows, cols, 384))
    assert np.abs(region[0].numpy() - expected[f"{name}_cls4k"]).max() < 2e-5
    assert relative_error(attention[0].unflatten(-1, (rows, cols)).numpy(), expected[f"{name}_attn4k"]) < 5e-5


@torch.inference_mode()
@pytest.mark.parametrize(("height", "width"), [(224, 224), (192, 320)])
def test_parity_of_other_sizes(height: int, width: int, vit256: VisionTransformer) -> None:
    name = f"crop{height}x{width}"
    crop = torch.from_numpy(np.ascontiguousarray(fixture.region("r1024")[None, :height, :width]))
    features, attention = vit256.attend(normalised(crop))
    assert np.abs(features[0].numpy() - fixture.expected()[f"{name}_cls256"]).max() < 2e-5
    found = attention[0].unflatten(-1, (height // 16, width // 16)).numpy()
    assert relative_error(found, fixture.expected()[f"{name}_attn256"]) < 5e-5
    whole = vit256(normalised(crop))[:, 0]
    assert torch.allclose(whole, features, atol=2e-5)


@torch.inference_mode()
@pytest.mark.parametrize("name", ["pos256_16x16", "pos256_12x20", "pos4k_16x16", "pos4k_4x4", "pos4k_4x6"])
def test_parity_of_positions(name: str) -> None:
    net, size = name.split("_")
    rows, cols = (int(side) for side in size.split("x"))
    stored = fixture.weights("vit256" if net == "pos256" else "vit4k")["pos_embed"]
    found = positions_for(stored, rows, cols)[0].numpy()
    assert np.abs(found - fixture.expected()[name]).max() < 1e-5


@torch.inference_mode()
def test_parity_of_regions_from_stored_patches(vit4k: RegionTransformer) -> None:
    """Offsets of 256 and 384 px are those of 0 and 128 moved by a patch, white in the last row and column."""
    expected = fixture.expected()
    white = expected["r4096_cls256_white"]
    for number, offset in enumerate(expected["r4096_offsets"].tolist()):
        grid = expected[f"r4096_cls256_off{offset % 256}"].reshape(16, 16, 384)
        if offset >= 256:
            moved = np.broadcast_to(white, grid.shape).copy()
            moved[:15, :15] = grid[1:, 1:]
            grid = moved
        region, attention = vit4k.attend(torch.from_numpy(grid.copy())[None])
        assert np.abs(region[0].numpy() - expected["r4096_cls4k"][number]).max() < 2e-5
        found = attention[0].unflatten(-1, (16, 16)).numpy()
        assert relative_error(found, expected["r4096_attn4k"][number]) < 5e-5


@torch.inference_mode()
def test_parity_of_white_and_of_the_first_patches_of_the_large_region(vit256: VisionTransformer) -> None:
    expected = fixture.expected()
    white, _ = vit256.attend(normalised(torch.full((1, 256, 256, 3), 255, dtype=torch.uint8)))
    assert np.abs(white[0].numpy() - expected["r4096_cls256_white"]).max() < 2e-5
    pixels = fixture.rules().synthetic_plane(0, 0, 512, 512)
    for offset in (0, 128):
        patch = torch.from_numpy(
            np.ascontiguousarray(pixels[None, offset : offset + 256, offset : offset + 256])
        )
        features, attention = vit256.attend(normalised(patch))
        assert np.abs(features[0].numpy() - expected[f"r4096_cls256_off{offset}"][0]).max() < 2e-5
        heads = expected["r4096_heads256"]
        found = attention[0].unflatten(-1, (16, 16)).numpy()[heads]
        assert relative_error(found, expected[f"r4096_attn256_off{offset}"][0]) < 5e-5


# Files


def small(depth: int = 2, width: int = 128, **more: torch.Tensor) -> dict[str, torch.Tensor]:
    """A ViT with 16-px tokens, of random weights."""
    generator = torch.Generator().manual_seed(0)

    def made(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator) * 0.1

    tensors = {
        "cls_token": made(1, 1, width),
        "pos_embed": made(1, 197, width),
        "patch_embed.proj.weight": made(width, 3, 16, 16),
        "patch_embed.proj.bias": made(width),
        "norm.weight": made(width),
        "norm.bias": made(width),
    }
    for number in range(depth):
        block = f"blocks.{number}."
        for name, shape in {
            "norm1.weight": (width,),
            "norm1.bias": (width,),
            "attn.qkv.weight": (3 * width, width),
            "attn.qkv.bias": (3 * width,),
            "attn.proj.weight": (width, width),
            "attn.proj.bias": (width,),
            "norm2.weight": (width,),
            "norm2.bias": (width,),
            "mlp.fc1.weight": (4 * width, width),
            "mlp.fc1.bias": (4 * width,),
            "mlp.fc2.weight": (width, 4 * width),
            "mlp.fc2.bias": (width,),
        }.items():
            tensors[block + name] = made(*shape)
    return {**tensors, **more}


def saved(path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    torch.save(tensors, path)
    return path


def test_depth_and_width_are_read_from_the_file(tmp_path: Path) -> None:
    for depth, width in ((1, 64), (3, 128)):
        model = load_patch_level(saved(tmp_path / "small.pth", small(depth, width)))
        features, attention = model.attend(torch.zeros(2, 3, 48, 32))
        assert features.shape == (2, width)
        assert attention.shape == (2, width // 64, 6)
        assert (attention.sum(-1) < 1).all()


def test_the_backbone_is_extracted_and_computes_the_same(tmp_path: Path) -> None:
    heavy = {"teacher": {f"module.backbone.{name}": value for name, value in small().items()}, "epoch": 1}
    heavy["teacher"]["module.head.last_layer.weight_v"] = torch.zeros(1000, 256)
    path = tmp_path / "trained.pth"
    torch.save(heavy, path)
    save_backbone(path, tmp_path / "backbone.safetensors")
    assert (tmp_path / "backbone.safetensors").stat().st_size < path.stat().st_size
    images = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    light = load_patch_level(tmp_path / "backbone.safetensors")
    assert torch.allclose(light.attend(images)[0], load_patch_level(path).attend(images)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            {"phi.0.weight": torch.zeros(192, 384), "patch_embed.proj.weight": None},
            pattern(strings.REGION_ENCODER),
        ),
        ({"patch_embed.proj.weight": torch.zeros(128, 3, 14, 14)}, pattern(strings.WRONG_TOKENS)),
        ({"pos_embed": torch.zeros(1, 190, 128)}, pattern(strings.NOT_SQUARE, count=189)),
        ({"blocks.1.norm2.bias": None}, pattern(head_strings.LAYERS_DO_NOT_FIT)),
        ({"blocks.0.mlp.fc1.weight": None}, pattern(strings.NOT_A_TRANSFORMER)),
        (
            {"norm.weight": torch.full((128,), float("nan"))},
            pattern(strings.INVALID_VALUES, name="norm.weight"),
        ),
        ({"blocks.999999999.norm1.bias": torch.zeros(128)}, pattern(head_strings.LAYERS_DO_NOT_FIT)),
        (
            {"fc.weight": torch.zeros(2, 2), "pos_embed": None},
            pattern(strings.EXPECTED_INSTEAD, expected=strings.A_PATCH_LEVEL),
        ),
    ],
)
def test_other_files_are_refused_and_named(
    tmp_path: Path, change: dict[str, torch.Tensor | None], why: str
) -> None:
    tensors = {name: value for name, value in {**small(), **change}.items() if value is not None}
    with pytest.raises(CheckpointError, match=why) as refused:
        load_patch_level(saved(tmp_path / "other.pth", tensors))
    assert "other.pth" in str(refused.value)


def test_a_region_level_wants_its_own_patches(tmp_path: Path) -> None:
    region = {name: value for name, value in small(2, 192).items() if "patch_embed" not in name}
    region |= {"phi.0.weight": torch.zeros(192, 384), "phi.0.bias": torch.zeros(192)}
    path = saved(tmp_path / "region.pth", region)
    assert load_region_level(path, feature_width=384).attend(torch.zeros(1, 2, 3, 384))[1].shape == (1, 6, 6)
    with pytest.raises(CheckpointError, match=pattern(strings.WRONG_PATCH_WIDTH, expected=384, found=1024)):
        load_region_level(path, feature_width=1024)
    found = strings.PATCH_ENCODER.format(width=128, blocks=2)
    expected = pattern(strings.EXPECTED_INSTEAD, found=found, expected=strings.A_REGION_LEVEL)
    with pytest.raises(CheckpointError, match=expected):
        load_region_level(saved(tmp_path / "patch.pth", small()), feature_width=384)


def test_weights_too_large_to_compute_with_are_refused_at_every_level(tmp_path: Path) -> None:
    huge = {name: value * 1e30 for name, value in small().items()}
    with pytest.raises(CheckpointError, match=rf"patches\.pth: {pattern(strings.INVALID_OUTPUT)}"):
        load_patch_level(saved(tmp_path / "patches.pth", huge))
    region = {name: value * 1e30 for name, value in small(2, 192).items() if "patch_embed" not in name}
    region |= {"phi.0.weight": torch.full((192, 128), 1e30), "phi.0.bias": torch.zeros(192)}
    with pytest.raises(CheckpointError, match=rf"regions\.pth: {pattern(strings.INVALID_OUTPUT)}"):
        load_region_level(saved(tmp_path / "regions.pth", region), feature_width=128)


def test_a_folders_files_are_distinguished_by_what_they_hold(tmp_path: Path) -> None:
    saved(tmp_path / "first.pth", small(width=384))
    alone = load_hipt(tmp_path)
    assert alone.region is alone.slide is None
    assert len(alone.notes) == 2
    region = {name: value for name, value in small(2, 192).items() if "patch_embed" not in name}
    region |= {"phi.0.weight": torch.zeros(192, 384), "phi.0.bias": torch.zeros(192)}
    saved(tmp_path / "another.pth", region)
    both = load_hipt(tmp_path)
    assert both.region is not None
    assert len(both.notes) == 1
    saved(tmp_path / "copy.pth", small(width=384))
    with pytest.raises(CheckpointError, match=pattern(strings.SAME_LEVEL, one="copy.pth", other="first.pth")):
        load_hipt(tmp_path)
    with pytest.raises(CheckpointError, match=pattern(strings.NO_WEIGHT_FILES)):
        load_hipt(tmp_path.joinpath("..").resolve() / tmp_path.name / "..")


def test_a_folder_without_patches_is_refused_with_what_it_holds_instead(tmp_path: Path) -> None:
    region = {name: value for name, value in small(2, 192).items() if "patch_embed" not in name}
    region |= {"phi.0.weight": torch.zeros(192, 384), "phi.0.bias": torch.zeros(192)}
    saved(tmp_path / "region.pth", region)
    kind = strings.REGION_ENCODER.format(width=192, blocks=2)
    files = strings.FILE_OF_KIND.format(file="region.pth", kind=kind)
    with pytest.raises(CheckpointError, match=pattern(strings.NO_PATCH_LEVEL, files=files)):
        load_hipt(tmp_path)
    (tmp_path / "region.pth").unlink()
    saved(tmp_path / "odd.pth", {"something": torch.zeros(3)})
    with pytest.raises(CheckpointError, match=pattern(strings.NO_PATCH_LEVEL, files="odd.pth")):
        load_hipt(tmp_path)


def test_registers_and_layer_scale_are_read_and_get_no_place_in_the_map(tmp_path: Path) -> None:
    scales = {f"blocks.{n}.ls{k}.gamma": torch.full((128,), 0.5) for n in range(2) for k in (1, 2)}
    plain = load_patch_level(saved(tmp_path / "plain.pth", small(**scales)))
    images = torch.randn(1, 3, 64, 48, generator=torch.Generator().manual_seed(1))
    for name in ("register_tokens", "reg_token"):
        tensors = small(**scales, **{name: torch.ones(1, 4, 128)})
        model = load_patch_level(saved(tmp_path / "registers.pth", tensors))
        features, attention = model.attend(images)
        assert attention.shape == plain.attend(images)[1].shape == (1, 2, 12)
        assert torch.allclose(model(images)[:, 0], features, atol=1e-5)
        assert model(images).shape == (1, 1 + 4 + 12, 128)
        assert not torch.allclose(features, plain.attend(images)[0], atol=1e-3)


def test_a_slide_level_brings_its_own_regions_or_waits_for_some(tmp_path: Path) -> None:
    def slide_level(prefix: str) -> dict[str, torch.Tensor]:
        region = {name: value for name, value in small(1, 192).items() if "patch_embed" not in name}
        region |= {"phi.0.weight": torch.ones(192, 384), "phi.0.bias": torch.zeros(192)}
        return {f"{prefix}{name}": value for name, value in region.items()}

    saved(tmp_path / "patches.pth", small(width=384))
    weights = slide_head_weights()
    saved(tmp_path / "slides.pth", weights)
    alone = load_hipt(tmp_path)
    assert alone.slide is alone.region is None
    assert strings.SLIDES_WITHOUT_REGIONS.format(file="slides.pth") in alone.notes
    saved(tmp_path / "slides.pth", weights | slide_level("local_vit.module."))
    whole = load_hipt(tmp_path)
    assert whole.slide is not None
    assert whole.region is not None
    assert whole.notes == ()
    saved(tmp_path / "regions.pth", slide_level(""))
    assert strings.OWN_REGIONS.format(file="slides.pth") in load_hipt(tmp_path).notes
    saved(tmp_path / "slides.pth", {name: value * 1e30 for name, value in weights.items()})
    with pytest.raises(CheckpointError, match=rf"slides\.pth: {pattern(strings.INVALID_OUTPUT)}"):
        load_hipt(tmp_path)


def slide_head_weights() -> dict[str, torch.Tensor]:
    """Of HIPT_GP's layout and width, without meaning."""
    parts = {
        "global_phi.0": nn.Linear(192, 192),
        "global_transformer": nn.TransformerEncoder(
            nn.TransformerEncoderLayer(192, 3, 192), 2, enable_nested_tensor=False
        ),
        "global_attn_pool.attention_a.0": nn.Linear(192, 192),
        "global_attn_pool.attention_b.0": nn.Linear(192, 192),
        "global_attn_pool.attention_c": nn.Linear(192, 1),
        "global_rho.0": nn.Linear(192, 192),
        "classifier": nn.Linear(192, 2),
    }
    return {
        f"{part}.{name}": value for part, net in parts.items() for name, value in net.state_dict().items()
    }


@torch.inference_mode()
@pytest.mark.parametrize("name", ["lgp", "gp"])
def test_parity_of_the_slide_level(name: str, tmp_path: Path) -> None:
    expected = fixture.expected()
    weights = fixture.weights("hipt_lgp")
    if name == "lgp":
        given = torch.from_numpy(expected["lgp_cls4k"])
    else:
        given = torch.from_numpy(fixture.rules().synthetic_bag("bag_gp"))
        weights = {key: value for key, value in weights.items() if not key.startswith("local_vit.")}
    head = load_slide_head(saved(tmp_path / "slide.pth", weights), feature_width=192)
    cells = torch.stack([torch.zeros(len(given)), torch.arange(len(given))], dim=1).long()
    reading = head.read(given, cells)
    assert reading.probabilities is not None
    assert np.abs(reading.attention[0].numpy() - expected[f"{name}_attn"]).max() < 1e-5
    assert np.abs(reading.probabilities.numpy() - expected[f"{name}_prob"]).max() < 1e-5
    assert np.abs(head(given, cells).numpy() - expected[f"{name}_logits"]).max() < 1e-5


@torch.inference_mode()
def test_parity_of_the_slide_levels_own_regions(tmp_path: Path) -> None:
    local = {
        name.removeprefix("local_vit."): value
        for name, value in fixture.weights("hipt_lgp").items()
        if name.startswith("local_vit.")
    }
    model = load_region_level(saved(tmp_path / "local.pth", local), feature_width=384)
    bag = torch.from_numpy(fixture.rules().synthetic_bag("bag_lgp")).reshape(5, 16, 16, 384)
    assert np.abs(model.attend(bag)[0].numpy() - fixture.expected()["lgp_cls4k"]).max() < 2e-5
