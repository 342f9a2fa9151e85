"""Reads the terms of a query in the lexicon, with sentences on what they are taken for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.relevance.query import strings
from viewer.relevance.query.joining import all_of
from viewer.relevance.query.parsed import Problem, Understood
from viewer.relevance.query.translation import meanings_elsewhere
from viewer.relevance.query.tree import MAX_LEAVES, Query, Term, leaves, text_of

if TYPE_CHECKING:
    from viewer.relevance.query.lexicon import Entry, Lexicon
    from viewer.relevance.query.parsed import PhraseFinder
    from viewer.relevance.query.word import Word


class TermReader:
    """``understood``: how each term was read, by its text. ``problems``: sentences on them, in order."""

    def __init__(self, lexicon: Lexicon, find_phrase: PhraseFinder | None, problems: list[Problem]) -> None:
        self._lexicon, self._find_phrase = lexicon, find_phrase
        self.problems = problems
        self.understood: dict[str, Understood] = {}

    def read(self, word: Word) -> Query:
        entry = self._lexicon.find(word.text)
        if entry is None and not word.quoted:
            corrected = self._lexicon.corrected(word.text)
            if corrected is not None:
                self._note(strings.READ_AS.format(text=word.text, term=corrected))
                return self._known(corrected, self._lexicon.find(corrected))
            parts, complete = self._lexicon.parts(word.text)
            if complete and 1 < len(parts) <= MAX_LEAVES:
                terms = strings.BETWEEN_SEVERAL.join(
                    strings.ONE_OF_SEVERAL.format(term=part) for part in parts
                )
                self._note(strings.READ_AS_SEVERAL.format(text=word.text, terms=terms))
                both = all_of([self._known(part, self._lexicon.find(part)) for part in parts])
                assert both is not None
                return both
        return self._known(word.text, entry)

    def _known(self, text: str, entry: Entry | None) -> Query:
        entry = entry or self._out_of_reach(text)
        if entry is None:
            self.problems.append(self._unknown(text))
            understood = Understood(text, text, "unknown")
        elif entry.rule is not None:
            return self._composed(text, entry)
        elif not entry.measurable:
            template = strings.PART_MISSING if entry.meaning else strings.NOT_MEASURABLE
            sentence = template.format(text=text, reason=entry.why)
            self.problems.append(Problem(sentence, entry.nearest))
            understood = Understood(text, entry.names[0], "unmeasurable", (), entry.why)
        else:
            how = "approximate" if entry.approximate else "exact"
            if entry.approximate:
                self._note(strings.APPROXIMATE.format(text=text, limits=entry.limits))
            ranked = entry.ranked_as(text)
            if ranked:
                self._note(strings.RANKED.format(text=text, ranked=ranked))
            understood = Understood(text, entry.names[0], how, entry.weights, entry.limits, ranked)
        self.understood[text] = understood
        return Term(text, understood.weights)

    def _composed(self, text: str, entry: Entry) -> Query:
        """The rule that a composed concept stands for; its terms are read like any others."""
        assert entry.rule is not None
        rule = text_of(entry.rule)
        self._note(strings.COMPOSED.format(text=text, rule=rule, meaning=entry.meaning, limits=entry.limits))
        for leaf in leaves(entry.rule):
            if isinstance(leaf, Term):
                part = self._lexicon.find(leaf.text)
                if part and part.rule is None and part.weights != leaf.weights:  # as the rule scores it
                    part = replace(part, weights=leaf.weights, ranked=())
                self._known(leaf.text, part)
        return entry.rule

    def _out_of_reach(self, text: str) -> Entry | None:
        """The entry of a word within a text that makes the whole not measurable: "is it HER2 positive"."""
        entries = [self._lexicon.find(part) for part in self._lexicon.parts(text)[0]]
        return next((entry for entry in entries if entry and not entry.measurable), None)

    def _unknown(self, text: str) -> Problem:
        """What an unknown word may have meant is offered, never searched for in its place."""
        parts, _ = self._lexicon.parts(text)
        measurable = [name for name in parts if (entry := self._lexicon.find(name)) and entry.measurable]
        alike = self._find_phrase(text) if self._find_phrase else None
        by_meaning = self._lexicon.find(alike) if alike else None
        if alike and by_meaning:
            measurable += [alike] if by_meaning.measurable else by_meaning.nearest
        elsewhere = [(word, *found) for word in text.split() for found in meanings_elsewhere(word)]
        sentences = [strings.UNKNOWN_TERM.format(text=_short(text))]
        sentences += [
            strings.ALSO_IN.format(text=word, language=language, term=term)
            for word, language, term in elsewhere
        ]
        meant = (*measurable, *(term for *_, term in elsewhere), *self._lexicon.nearest(text))
        return Problem(" ".join(dict.fromkeys(sentences)), tuple(dict.fromkeys(meant))[:3], unknown=True)

    def _note(self, sentence: str) -> None:
        self.problems.append(Problem(sentence, note=True))


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:80] + "…"
