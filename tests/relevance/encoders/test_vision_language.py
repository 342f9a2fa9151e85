"""Models from folders as encoders: tokens, patches, scores, the registry, and what is said of bad folders."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import CLIPTokenizer

from tests.messages import pattern
from tests.relevance import small_models as small
from viewer.common.errors import EncoderError, EncoderMemoryError, UnsupportedTermError
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.model_registry import read_registry, registry_file
from viewer.relevance.encoders.registry import load_encoder
from viewer.relevance.models import strings as model_strings
from viewer.relevance.models.checkpoint import CheckpointError
from viewer.relevance.models.clip import Clip
from viewer.relevance.models.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

FOLDER_ONLY = '[plip]\nfolder = "{}"\n'


def term(text: str) -> Any:
    return SimpleNamespace(text=text)


@pytest.fixture
def plip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small CLIP, registered as PLIP."""
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))
    small.write_clip(tmp_path / "model")
    register(FOLDER_ONLY.format((tmp_path / "model").as_posix()))
    return tmp_path / "model"


def register(text: str) -> None:
    registry_file().parent.mkdir(parents=True, exist_ok=True)
    registry_file().write_text(text, encoding="utf-8")


def test_words_become_the_tokens_that_transformers_makes(tmp_path: Path) -> None:
    small.write_clip_tokenizer(tmp_path)
    ours = load_tokenizer(tmp_path, "clip", positions=24)
    theirs = CLIPTokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt"))
    texts = ["Fat", "it's  H&E, 40× fat", "ünïcode — µm²", "", "a very long text " * 20]
    ids, present = ours(texts)
    expected = theirs(texts, padding="max_length", truncation=True, max_length=24)
    assert ids.tolist() == expected["input_ids"]
    assert present.tolist() == [[bool(value) for value in line] for line in expected["attention_mask"]]


@pytest.mark.usefixtures("plip")
def test_a_model_from_a_folder_scores_patches_against_words() -> None:
    encoder = load_encoder("plip")
    rng = np.random.default_rng(1)
    block = rng.integers(0, 255, (2 * 256, 3 * 256, 3), np.uint8)
    features = encoder.encode(block, {})
    assert features.shape == (2, 3, 32)
    assert np.allclose(np.linalg.norm(features, axis=-1), 1, atol=1e-5)
    scores = encoder.score(term("lymphocytes"), features.reshape(-1, 32), {})
    assert scores.shape == (6,)
    assert ((scores > 0) & (scores < 1)).all()
    assert encoder.explain(term("fat"), features.reshape(-1, 32), 0, {}) == ()
    assert not np.allclose(scores, encoder.score(term("fat"), features.reshape(-1, 32), {}))


@pytest.mark.usefixtures("plip")
def test_patches_are_cut_and_scaled_as_transformers_would() -> None:
    encoder = load_encoder("plip")
    theirs = small.clip_model()
    y, x = np.mgrid[:512, :256]
    block = np.stack([x % 256, y // 2, (x + y) // 3 % 256], axis=-1).astype(np.uint8)
    mean, deviation = (
        torch.tensor(v).view(1, 3, 1, 1)
        for v in ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
    )
    second = torch.from_numpy(block[256:]).permute(2, 0, 1)[None].float() / 255
    scaled = functional.interpolate(second, (64, 64), mode="bicubic", antialias=True).clamp(0, 1)
    with torch.no_grad():
        wanted = theirs.visual_projection(theirs.vision_model((scaled - mean) / deviation).pooler_output)
    wanted = functional.normalize(wanted, dim=-1)
    torch.testing.assert_close(torch.from_numpy(encoder.encode(block, {})[1]), wanted, atol=1e-5, rtol=1e-4)


def test_a_wider_field_overlaps_the_neighbours(plip: Path) -> None:
    wide = f"{FOLDER_ONLY.format(plip.as_posix())}field_px = 512\n"
    register(wide)
    encoder = load_encoder("plip")
    assert encoder.card.margin_px == 128
    block = np.zeros((512, 768, 3), np.uint8)
    block[:, :384] = 255
    features = encoder.encode(block, {})
    assert features.shape == (1, 2, 32)
    assert not np.allclose(features[0, 0], features[0, 1])


@pytest.mark.usefixtures("plip")
def test_a_term_without_words_is_refused() -> None:
    with pytest.raises(UnsupportedTermError, match=pattern(strings.EMPTY_TERM)):
        load_encoder("plip").score(term(" "), np.zeros((1, 32), np.float32), {})


def test_the_card_says_what_must_be_known_before_use(plip: Path) -> None:
    card = read_registry().models["plip"].card
    assert (card.patch_px, card.mpp_um, card.margin_px) == (256, 0.5, 0)
    assert card.commercial is False
    assert "research only" in card.licence
    version = card.version
    weights = plip / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert read_registry().models["plip"].card.version != version


def test_a_model_of_ones_own_needs_no_code(plip: Path) -> None:
    register(
        f"""
        [ours]
        folder = "{plip.as_posix()}"
        title = "Ours"
        architecture = "clip"
        field_px = 256
        mpp_um = 0.5
        statistics = "half"
        licence = "our own"
        commercial = true
        """
    )
    assert load_encoder("ours").card.title == "Ours"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ('folder = "/nowhere"', model_strings.NO_FOLDER),
        ("folder = 3", strings.BAD_VALUE.format(key="folder", value=3)),
        (
            'architecture = "resnet"',
            strings.ARCHITECTURES.format(known="clip, keep, conch, hipt, vit", value="resnet"),
        ),
        ('statistics = "none"', "statistics is openai"),
        ("mpp_um = 1e-9", strings.FIELD_SIZE),
        ("field_px = 100000", strings.FIELD_SIZE),
        ("field_px = true", strings.BAD_VALUE.format(key="field_px", value=True)),
        ("title = 1", strings.BAD_VALUE.format(key="title", value=1)),
        ("note = 1", strings.BAD_VALUE.format(key="note", value=1)),
        ("commercial = 1", strings.COMMERCIAL.format(value=1)),
        ("sha256 = 7", strings.BAD_VALUE.format(key="sha256", value=7)),
        ("sha256 = []", strings.BAD_VALUE.format(key="sha256", value=[])),
        ("mpp_um = 1" + "0" * 400, "too large"),
        ('folder = "~nobody-of-this-name/plip"', "home"),
        ('folder = "' + "a" * 5000 + '"', "too long"),
    ],
)
def test_a_bad_entry_is_reported_and_costs_no_other(plip: Path, change: str, complaint: str) -> None:
    folder = "" if change.startswith("folder") else f'folder = "{plip.as_posix()}"\n'
    register(f'[quiltnet-b-32]\nfolder = "{plip.as_posix()}"\n[plip]\n{folder}{change}\n')
    registry = read_registry()
    assert list(registry.models) == ["quiltnet-b-32"]
    assert "[plip]" in registry.problems[0]
    assert complaint in registry.problems[0]
    with pytest.raises(EncoderError, match=r"\[plip\]"):
        load_encoder("plip")


@pytest.mark.parametrize("name", ["measured", "saliency", "head/plip", "file:plip"])
def test_a_name_of_ours_is_no_models_name(plip: Path, name: str) -> None:
    register(f'[plip]\nfolder = "{plip.as_posix()}"\n["{name}"]\nfolder = "{plip.as_posix()}"\n')
    registry = read_registry()
    assert list(registry.models) == ["plip"]
    assert f"[{name}]: {strings.RESERVED_NAME}" in registry.problems[0]


@pytest.mark.parametrize("text", ["not toml [", "\x00", "x" * (1 << 21), "a = " + "[" * 5000])
@pytest.mark.usefixtures("plip")
def test_a_damaged_registry_is_empty_and_said(text: str) -> None:
    register(text)
    registry = read_registry()
    assert not registry.models
    assert "models.toml" in registry.problems[0]


@pytest.mark.usefixtures("plip")
def test_unknown_names_are_answered_with_those_that_there_are() -> None:
    known = "measured, saliency, plip"
    unknown = pattern(strings.UNKNOWN_ENCODER, encoder="'plop'", known=known)
    with pytest.raises(EncoderError, match=unknown):
        load_encoder("plop")


def test_incomplete_folders_are_refused_by_name(plip: Path) -> None:
    (plip / "merges.txt").unlink()
    with pytest.raises(
        CheckpointError,
        match=pattern(model_strings.NO_TOKENIZER, files=model_strings.TOKENIZER_FILES["clip"]),
    ):
        load_encoder("plip")
    small.write_clip_tokenizer(plip)
    (plip / "vocab.json").write_text("{", encoding="utf-8")
    with pytest.raises(CheckpointError, match=pattern(model_strings.TOKENIZER_UNREADABLE)):
        load_encoder("plip")
    (plip / "vocab.json").write_text(json.dumps({"a": 0}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="tokenizer"):
        load_encoder("plip")
    (plip / "config.json").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json: it cannot be read"):
        load_encoder("plip")
    (plip / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(CheckpointError, match=pattern(strings.NO_CONFIG)):
        load_encoder("plip")


def test_the_wrong_architecture_is_said(plip: Path) -> None:
    register(f'[keep]\nfolder = "{plip.as_posix()}"\n')
    with pytest.raises(EncoderError, match=pattern(model_strings.WRONG_WEIGHTS, architecture="keep")):
        load_encoder("keep")


def test_weights_that_differ_from_the_registered_digest_are_not_loaded(plip: Path) -> None:
    register(f'{FOLDER_ONLY.format(plip.as_posix())}sha256 = "{"0" * 64}"\n')
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_encoder("plip")


@pytest.mark.usefixtures("plip")
def test_memory_that_does_not_suffice_is_an_error_for_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder: Any = load_encoder("plip")

    def full(*_: object) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Clip, "images", full)
    with pytest.raises(EncoderMemoryError, match=pattern(strings.MEMORY_FULL, device="cpu")):
        encoder.encode(np.zeros((256, 256, 3), np.uint8), {})
    monkeypatch.undo()
    move = Clip.to

    def move_to_cpu_only(model: Clip, device: str) -> Clip:
        return full() if device == "cuda" else move(model, device)

    monkeypatch.setattr(Clip, "to", move_to_cpu_only)
    with pytest.raises(EncoderMemoryError, match=pattern(strings.MEMORY_FULL, device="cuda")):
        encoder.use("cuda")
    assert encoder.encode(np.zeros((256, 256, 3), np.uint8), {}).shape == (1, 1, 32)
