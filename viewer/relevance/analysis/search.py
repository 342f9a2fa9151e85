"""A search without a window: typed words and examples in, a field and its best places out."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.common.atomic_write import SaveError
from viewer.common.errors import EncoderError, FoveolaError
from viewer.relevance.analysis import strings
from viewer.relevance.analysis.open import external_analysis, open_analysis, pixel_size_of
from viewer.relevance.encoders.registry import encoder_in_use, query_kind_of
from viewer.relevance.encoders.vocabulary import judgement_of, lexicon_of
from viewer.relevance.patches.peaks import find_places
from viewer.relevance.query.lexicon import load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.sentence_model import load_phrase_finder
from viewer.relevance.query.tree import All, Like, Without, leaves, needs_words, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from viewer.relevance.analysis.slide_analysis import Analysis
    from viewer.relevance.encoders.card import Reason
    from viewer.relevance.encoders.tissue.meaning import Judgement
    from viewer.relevance.patches.field import RelevanceField
    from viewer.relevance.patches.grid import PatchGrid
    from viewer.relevance.patches.peaks import Hit
    from viewer.relevance.query.parsed import Understood
    from viewer.relevance.query.tree import Query
    from viewer.slide.source import Source

Point = tuple[float, float]


class QuestionError(FoveolaError):
    """A question that cannot be answered, and terms that can be used instead."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Points in level-0 px that show what is searched for, and what is not."""

    like: tuple[Point, ...] = ()
    unlike: tuple[Point, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """``query`` None where only examples are given. ``notes``: how the words were read, in sentences."""

    query: Query | None
    understood: tuple[Understood, ...] = ()
    examples: Examples = Examples()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A hit with the measurements behind it, for each term or example of the query that has any."""

    hit: Hit
    reasons: tuple[tuple[str, tuple[Reason, ...]], ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """``notes``: sentences for the reader. ``patches``: how many have tissue, of which ``unread`` could not
    be read; the field also knows glass. ``judgement``: of its values; ``weak``: no place reaches the
    threshold, and they are only the most alike.
    """

    field: RelevanceField
    places: tuple[Place, ...]
    understood: tuple[Understood, ...]
    patches: int
    unread: int
    notes: tuple[str, ...]
    judgement: Judgement
    weak: bool


def read_question(text: str | None, chosen: str | None, examples: Examples = Examples()) -> Question:
    """Parse typed words for the encoder ``chosen``; "": for the best for each word, None: for one that reads
    any. Raises QuestionError where it cannot search for them, naming the nearest terms that it can.
    """
    if text is None:
        if not examples.like:
            raise QuestionError(strings.EMPTY_QUESTION)
        return Question(None, (), examples)
    of_concepts = chosen is not None and query_kind_of(chosen or encoder_in_use("")) == "concepts"
    lexicon = load_lexicon() if chosen is None else lexicon_of(chosen)
    parsed = parse(text, lexicon, load_phrase_finder() if of_concepts else None)
    if parsed.query is None or (of_concepts and needs_words(parsed.query)):
        problems = [problem for problem in parsed.problems if not problem.note]
        sentences = " ".join(
            f"{problem.sentence} {problem.advice.format(terms=', '.join(problem.nearest))}".rstrip()
            for problem in problems
        )
        if not any(problem.nearest for problem in problems):
            sentences = strings.SUCH_TERMS.format(problems=sentences, terms=", ".join(strings.SUCH_AS))
        raise QuestionError(sentences)
    notes = tuple(
        problem.sentence
        for problem in parsed.problems
        # A model that reads words needs no lexicon.
        if problem.note or of_concepts
    )
    return Question(parsed.query, parsed.understood, examples, notes)


def ask(
    source: Source,
    question: Question,
    *,
    encoder_id: str,
    mpp_um: float | None,
    limit_bytes: int,
    features: Path | None = None,
    top: int = 10,
    progress: Callable[[float, float], None] | None = None,
) -> Answer:
    """Analyse a slide as far as it is not yet, and answer. ``features``: another program's file instead.

    Raises QuestionError for examples beside the slide, PixelSizeError, EncoderError (UnsupportedTermError),
    SlideError, FeatureFileError.
    """
    pixel_size = pixel_size_of(source, mpp_um)
    notes = [*question.notes, *pixel_size.notes]
    try:
        opened = (
            nullcontext(external_analysis(source, pixel_size, features))
            if features is not None
            else open_analysis(source, pixel_size, encoder_id=encoder_id, limit_bytes=limit_bytes)
        )
        with opened as analysis:
            query = _whole_query(question, analysis.grid)
            analysis.run_to_end(progress, query=query)
            field = analysis.field(query)
            judgement = judgement_of(analysis.encoder.card.id, query)
            found = find_places(field, judgement.threshold, top)
            places = tuple(Place(hit, _reasons(analysis, query, hit)) for hit in found.hits)
            patches, unread = analysis.total, analysis.failed_count
            if unread and unread == patches:
                raise EncoderError(strings.NOTHING_READ.format(count=unread))
            notes += analysis.notes
    except SaveError as error:  # the answer stands; the next one takes as long
        if not any(error.reason in note for note in notes):
            notes.append(strings.NOT_SAVED.format(error=error))
    if unread:
        notes.append(strings.UNREAD[unread == 1].format(count=unread))
    return Answer(
        field,
        places,
        question.understood,
        patches,
        unread,
        tuple(dict.fromkeys(notes)),
        judgement,
        found.weak,
    )


def _whole_query(question: Question, grid: PatchGrid) -> Query:
    """The words and the examples in one query."""
    examples = question.examples
    parts = [question.query] if question.query is not None else []
    if examples.like:
        parts.append(Like(_cells(examples.like, grid), _cells(examples.unlike, grid)))
    whole = parts[0] if len(parts) == 1 else All(tuple(parts))
    if examples.unlike and not examples.like:
        return Without(whole, Like(_cells(examples.unlike, grid)))
    return whole


def _cells(points: Sequence[Point], grid: PatchGrid) -> tuple[tuple[int, int], ...]:
    cells = []
    for x, y in points:
        cell = grid.cell_at(x, y)
        if cell is None:
            raise QuestionError(strings.EXAMPLE_OUTSIDE.format(x=x, y=y))
        cells.append(cell)
    return tuple(cells)


def _reasons(analysis: Analysis, query: Query, hit: Hit) -> tuple[tuple[str, tuple[Reason, ...]], ...]:
    cell = analysis.grid.cell_at(*hit.peak)
    assert cell is not None, "a peak is the middle of a patch"
    found = ((leaf, analysis.explain(leaf, *cell)) for leaf in leaves(query))
    return tuple((text_of(leaf), reasons) for leaf, reasons in found if reasons)
