"""Composed concepts in a search: expanded, offered while typing, and read anew with another encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.relevance.tissue_record import ALL_NAMED, trained
from viewer.common.settings import Settings
from viewer.relevance.query.tree import text_of
from viewer.ui.search import strings
from viewer.ui.search.session import RelevanceSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.ui.fake_view import FakeSlideView

RULE = "carcinoma WITHIN 500 µm OF lymphoid tissue"

MEASURED = Settings.default().replace("relevance", encoder="measured")


@pytest.fixture
def session(fake_view: FakeSlideView) -> Iterator[RelevanceSession]:
    trained(figures=ALL_NAMED)
    session = RelevanceSession(fake_view, MEASURED)  # type: ignore[arg-type]
    yield session
    session.close()


def test_a_composed_concept_is_refused_or_expanded_by_the_encoder_in_use(session: RelevanceSession) -> None:
    session.ask("metastasis")
    assert session.question.refused == strings.REFUSED
    (problem,) = session.question.problems
    assert RULE in problem.sentence

    session.apply_settings(Settings.default().replace("relevance", encoder="tissue"))
    question = session.question
    assert not question.refused
    assert question.query is not None
    assert text_of(question.query) == question.title == RULE
    assert RULE in question.problems[0].sentence
    assert question.problems[0].note
    assert session.lexicon.complete_query("fat near metasta")[0] == "fat near metastasis"

    session.apply_settings(MEASURED)
    assert session.question.refused == strings.REFUSED
    assert session.question.text == "metastasis"


def test_weights_that_were_changed_stay_with_another_encoder(session: RelevanceSession) -> None:
    session.ask("fat near blood")
    session.set_weights(0, [("adipose_tissue", 0.5)])
    changed = session.question.query
    session.apply_settings(Settings.default().replace("relevance", encoder="tissue"))
    assert session.question.query == changed
