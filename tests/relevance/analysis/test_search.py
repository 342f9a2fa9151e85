"""Questions to a slide without a window: words and examples in, places with reasons out."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from tests.messages import pattern
from tests.relevance.tissue_record import ALL_NAMED, trained
from viewer.common.atomic_write import SaveError
from viewer.common.errors import EncoderError
from viewer.common.paths import state_dir
from viewer.common.strings import DISK_FULL
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.open import PixelSize, PixelSizeError, card_of, pixel_size_of
from viewer.relevance.analysis.search import Examples, QuestionError, ask, read_question
from viewer.relevance.features import store_key as store_subject
from viewer.relevance.query import strings as query_strings
from viewer.slide import strings as slide_strings
from viewer.slide.formats.registry import open_slide
from viewer.slide.given_scale import GivenScale, keep_scales
from viewer.slide.identity import slide_identity
from viewer.slide.region import read_region
from viewer.slide.tissue.mask import tissue_mask
from viewer.slide.tissue.pixel_size import estimate_mpp_um

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viewer.relevance.analysis.search import Answer
    from viewer.slide.source import Source

LIMIT_BYTES = 1 << 30


@pytest.fixture(scope="module")
def slide(tmp_path_factory: pytest.TempPathFactory, copy_phantom: Callable[[Path, int], Path]) -> Path:
    return copy_phantom(tmp_path_factory.mktemp("slides") / "phantom.tif", 2048)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FOVEOLA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def source(slide: Path) -> Iterator[Source]:
    with closing(open_slide(slide)) as source:
        yield source


def answer(source: Source, text: str | None, **more: Any) -> Answer:
    question = read_question(text, "measured", more.pop("examples", Examples()))
    return ask(source, question, encoder_id="measured", limit_bytes=LIMIT_BYTES, mpp_um=None, **more)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        *((text, None) for text in ("", "   ", "()", "qwertz", "fat without fat", "fat and qwertz")),
        ("KRAS mutation", query_strings.TRY),
        ("KRAS-Mutation im Tumor", query_strings.TRY),
        ("melanosis", query_strings.DID_YOU_MEAN),
        ("melanosis or flurb", query_strings.DID_YOU_MEAN),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_is_measured(text: str, advice: str | None) -> None:
    template = strings.SUCH_TERMS.format(problems="{problems}", terms=", ".join(strings.SUCH_AS))
    with pytest.raises(QuestionError) as raised:
        read_question(text, "measured")
    if advice is None:
        assert re.fullmatch(pattern(template), str(raised.value))
    else:
        assert re.search(pattern(advice), str(raised.value))


def test_a_question_in_another_language_says_how_it_was_read() -> None:
    question = read_question("Nekrose ohne Blut", "measured")
    assert [term.text for term in question.understood] == ["necrosis", "blood"]
    assert "German" in question.notes[0]


def test_a_composed_concept_is_answered_by_its_rule_where_its_parts_are_named(source: Source) -> None:
    with pytest.raises(QuestionError, match="does not name carcinoma"):
        read_question("metastasis", "measured")
    trained(figures=ALL_NAMED)
    question = read_question("Metastase", "tissue")

    found = ask(source, question, encoder_id="tissue", limit_bytes=LIMIT_BYTES, mpp_um=None, top=1)

    assert found.field.provenance.query == "carcinoma WITHIN 500 µm OF lymphoid tissue"
    assert [term.text for term in found.understood] == ["carcinoma", "lymphoid tissue"]
    assert any("primary tumour" in note for note in found.notes)
    assert found.field.known.all()


def test_nothing_at_all_is_no_question() -> None:
    with pytest.raises(QuestionError, match=strings.EMPTY_QUESTION):
        read_question(None, "measured", Examples(unlike=((0.0, 0.0),)))


def test_a_model_that_reads_words_takes_any() -> None:
    question = read_question("signet ring cells", "plip")
    assert question.query is not None
    assert question.notes == ()


def test_places_have_reasons_and_are_kept(source: Source, home: Path) -> None:
    progress: list[tuple[float, float]] = []
    first = answer(source, "stroma or lymphocytes", top=3, progress=lambda *at: progress.append(at))
    assert first.field.known.all()
    assert [term.text for term in first.understood] == ["stroma", "lymphocytes"]
    assert 0 < len(first.places) <= 3
    assert all(place.reasons[0][0] == "stroma" for place in first.places)
    assert progress[-1][0] == progress[-1][1]
    progress.clear()
    second = answer(source, "stroma or lymphocytes", top=3, progress=lambda *at: progress.append(at))
    assert progress == []
    assert [place.hit for place in second.places] == [place.hit for place in first.places]
    assert len(list((home / "cache" / "features").glob("*.h5"))) == 1


def test_an_example_is_found_again(source: Source) -> None:
    point = source.pyramid.width / 2, source.pyramid.height / 2
    found = answer(source, None, examples=Examples(like=(point,)))
    cell = found.field.grid.cell_at(*point)
    assert cell is not None
    assert found.field.scores[cell] == pytest.approx(1, abs=1e-5)
    assert found.places[0].reasons == ()


def test_examples_add_to_words(source: Source) -> None:
    point = source.pyramid.width / 2, source.pyramid.height / 2
    words = answer(source, "stroma").field.scores
    like = answer(source, None, examples=Examples(like=(point,))).field.scores
    both = answer(source, "stroma", examples=Examples(like=(point,))).field.scores
    assert (both == np.minimum(words, like)).mean() > 0.9, "all but those that one of the two has in parts"
    unlike = answer(source, "stroma", examples=Examples(unlike=(point,))).field
    cell = unlike.grid.cell_at(*point)
    assert cell is not None
    assert unlike.scores[cell] == pytest.approx(0, abs=1e-5)


def test_an_example_beside_the_slide_is_refused(source: Source) -> None:
    with pytest.raises(QuestionError, match=pattern(strings.EXAMPLE_OUTSIDE)):
        answer(source, None, examples=Examples(like=((-5.0, 3.0),)))


def test_the_pixel_size_given_wins_over_the_one_stated(source: Source) -> None:
    stated = pixel_size_of(source, None)
    assert stated.mpp_um == source.info.mpp_um
    assert not stated.estimated
    assert pixel_size_of(source, 0.3).mpp_um == pytest.approx((0.3, 0.3))


def test_what_a_reader_gave_to_the_slide_is_used_and_said(source: Source) -> None:
    def found(**how: Any) -> PixelSize:
        keep_scales({slide_identity(source): GivenScale((0.3, 0.3), "2026-11-30", **how)})
        return pixel_size_of(source, None)

    assert found().mpp_um == source.info.mpp_um
    replaced = found(overrides=True)
    assert replaced.mpp_um == (0.3, 0.3)
    name = source.info.path.name
    assert re.fullmatch(pattern(strings.PIXEL_SIZE_OF_READER, slide=name), *replaced.notes)
    assert not replaced.estimated
    accepted = found(overrides=True, estimated=True)  # a file that states one: the note must not deny it
    assert accepted.estimated
    assert re.fullmatch(pattern(strings.PIXEL_SIZE_OF_READER, slide=name), *accepted.notes)
    assert pixel_size_of(source, 0.4).notes == ()


def test_damaged_pixel_sizes_are_said_with_the_answer(source: Source) -> None:
    state_dir().mkdir(parents=True, exist_ok=True)
    (state_dir() / "pixel_sizes.json").write_text("{")
    size = pixel_size_of(source, None)
    assert size.mpp_um == source.info.mpp_um
    assert re.fullmatch(pattern(slide_strings.SCALES_DAMAGED), *size.notes)


def test_a_pixel_size_that_cannot_be_right_is_refused_with_advice(source: Source) -> None:
    with pytest.raises(PixelSizeError, match=pattern(strings.WRONG_PIXEL_SIZE, path=source.info.path)):
        pixel_size_of(source, 1000.0)


def test_an_estimate_is_said_and_recorded(source: Source, tmp_path: Path) -> None:
    pixels = read_region(source, source.pyramid.extent, (2048, 2048))
    Image.fromarray(pixels).save(tmp_path / "unstated.png", compress_level=1)
    with closing(open_slide(tmp_path / "unstated.png")) as unstated:
        found = answer(unstated, "stroma")
        estimate = estimate_mpp_um(unstated, tissue_mask(unstated, None))
    assert found.field.provenance.mpp_estimated
    sizes = {name: f"{getattr(estimate, name):.2g}" for name in ("mpp_um", "low_um", "high_um")}
    said = pattern(strings.ESTIMATED_PIXEL_SIZE, slide="unstated.png", **sizes)
    assert re.fullmatch(said, found.notes[0])


def test_an_unknown_pixel_size_is_requested(tmp_path: Path) -> None:
    Image.new("RGB", (400, 300), "white").save(tmp_path / "blank.png")
    with (
        closing(open_slide(tmp_path / "blank.png")) as source,
        pytest.raises(PixelSizeError, match=pattern(strings.UNKNOWN_PIXEL_SIZE)),
    ):
        pixel_size_of(source, None)


def test_a_slide_that_is_too_coarse_is_refused(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("means little" in note for note in answer(source, "stroma").notes)
    monkeypatch.setattr(store_subject, "_COARSEST", 0.4)
    assert any("0.5 µm wide" in note for note in answer(source, "stroma").notes)


def test_an_unknown_encoder_is_refused_with_those_there_are() -> None:
    with pytest.raises(EncoderError, match="there are measured"):
        card_of("nobody")


def test_a_disk_that_is_full_costs_no_answer(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    from viewer.relevance.features import store as features

    def full(path: Path, *_: object) -> None:
        raise SaveError(path, DISK_FULL)

    monkeypatch.setattr(features, "Journal", full)
    monkeypatch.setattr(features, "save_atomically", full)
    found = answer(source, "stroma")
    assert found.field.known.all()
    assert any("disk is full" in note for note in found.notes)
