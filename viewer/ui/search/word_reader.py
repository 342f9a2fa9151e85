"""WordReader: reads questions in the words of the reader's encoder, and picks the one that answers them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.relevance.encoders.card import TISSUE_ID
from viewer.relevance.encoders.registry import query_kind_of
from viewer.relevance.encoders.vocabulary import encoder_for, lexicon_of
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import needs_words
from viewer.ui.search import strings

if TYPE_CHECKING:
    from viewer.relevance.query.lexicon import Lexicon
    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.relevance.query.tree import Query
    from viewer.ui.search.search_state import Question


class WordReader:
    """``chosen``: the encoder that the reader chose, "" for the best for each word. ``encoder_id``: the one
    that answers now."""

    def __init__(self, chosen: str) -> None:
        self.chosen = chosen
        self.encoder_id = encoder_for(chosen, None)

    @property
    def lexicon(self) -> Lexicon:
        """The terms that can be asked."""
        return lexicon_of(self.chosen)

    @property
    def of_concepts(self) -> bool:
        """Whether only the lexicon's terms are known."""
        return query_kind_of(self.encoder_id) == "concepts"

    def needs_second(self, query: Query | None) -> bool:
        """Whether a word needs another encoder than the usual one, without that the reader chose it. One that
        merely stays is not needed."""
        return not self.chosen and encoder_for("", query) != encoder_for("", None)

    def choose(self, chosen: str, question: Question) -> Question:
        """Read the same question with another choice of encoder."""
        as_typed = question.text and parse(question.text, self.lexicon).query == question.query
        self.chosen, self.encoder_id = chosen, encoder_for(chosen, None)
        question = replace(question, matched=False)
        if as_typed:  # its words may be scored otherwise, or stand for a rule
            question = self.read(question)
        self.encoder_id = encoder_for(chosen, question.query)
        return self.checked(question)

    def read(self, question: Question, find_phrase: PhraseFinder | None = None) -> Question:
        """A question as its text is parsed. An encoder that reads words needs no lexicon."""
        parsed = parse(question.text, self.lexicon, find_phrase)
        problems = parsed.problems
        if parsed.query is not None and not self.of_concepts:
            problems = tuple(problem for problem in problems if problem.note)
        return replace(
            question, query=parsed.query, as_read=parsed.query, problems=problems, unknown=parsed.unknown
        )

    def checked(self, question: Question) -> Question:
        """The question, refused already where the encoder has no measurement for one of its terms."""
        refused = self.of_concepts and question.query is not None and needs_words(question.query)
        return replace(question, refused=strings.REFUSED if refused else "")

    def turns_to(self, query: Query | None, *, running: bool) -> bool:
        """Use the encoder that a query needs; whether that is another one. Without a choice the tissue
        encoder stays while it is ``running``: it measures, too."""
        needed = encoder_for(self.chosen, query)
        if running and not self.chosen and self.encoder_id == TISSUE_ID:
            needed = TISSUE_ID
        before, self.encoder_id = self.encoder_id, needed
        return needed != before
