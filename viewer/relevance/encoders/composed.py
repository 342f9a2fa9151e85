"""Composed concepts: words that stand for a rule over other words, ours and those of a reader's own file.

A rule is a query. It is answered where the encoder's lexicon reads all its words, those that ``needs`` names
as classes; else the words are refused with the parts that are missing. No torch.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from viewer.common.paths import config_dir
from viewer.common.text import in_words
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.tissue.classes import tissue_classes
from viewer.relevance.query.languages import MAX_SPAN_WORDS, NAMES, load_languages
from viewer.relevance.query.lexicon import CLASS_PREFIX, MAX_TERM_WORDS, Entry, Lexicon, key_of, load_lexicon
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import MAX_DEPTH, MAX_LEAVES, Term, depth_of, leaves, text_of, with_leaves
from viewer.relevance.query.vocabulary import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from viewer.relevance.query.tree import Leaf, Query

FILE = "composed_concepts.toml"
MAX_CONCEPTS = 200
_MAX_BYTES = 1 << 20
_LANGUAGES = ("english", *NAMES)
_SIGNS = frozenset('"(),;|&/')
_REFERENCE = "composed/"
"""Of the weight of a word in a rule that is a composed concept itself."""
_HEADING = re.compile(r"^[ \t]*\[+([^\[\]\n]+)\]+[ \t]*(?:#.*)?$", re.M)
_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")


class _BadEntryError(Exception):
    """What is wrong with an entry."""


class _BadRuleError(Exception):
    """What is wrong with the rules of some entries, by their ids."""

    def __init__(self, ids: Iterable[str], reason: str) -> None:
        super().__init__(reason)
        self.ids = tuple(ids)


@dataclass(frozen=True, slots=True)
class ComposedConcept:
    """One entry: see ``resources/composed_concepts.toml``. ``place``: where it stands, for the reader."""

    id: str
    place: str
    english: tuple[str, ...]
    rule: str
    meaning: str
    limits: str
    german: tuple[str, ...] = ()
    french: tuple[str, ...] = ()
    spanish: tuple[str, ...] = ()
    turkish: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    nearest: tuple[str, ...] = ()


def composed_file() -> Path:
    """The reader's own file, in the folder of the settings. May not exist."""
    return config_dir() / FILE


def composed_problems() -> tuple[str, ...]:
    """A sentence on each entry of the reader's file that is left out."""
    return _concepts()[1] if composed_file().exists() else ()


def with_composed(lexicon: Lexicon) -> Lexicon:
    """The lexicon with the composed concepts, by what it reads for their words."""
    return _with_composed(lexicon, *_concepts())


def _concepts() -> tuple[tuple[ComposedConcept, ...], tuple[str, ...]]:
    """All that can be used, and sentences on the others."""
    path = composed_file()
    try:
        stat = path.stat()
    except OSError:
        return _read(path, 0, -1)
    return _read(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _read(path: Path, _mtime_ns: int, size_bytes: int) -> tuple[tuple[ComposedConcept, ...], tuple[str, ...]]:
    """``size_bytes`` below 0: there is no such file."""
    shipped = resources.files("resources").joinpath(FILE).read_text(encoding="utf-8")
    found, _ = _entries_of(shipped, FILE)
    if size_bytes < 0:
        return tuple(found.values()), ()
    try:
        if size_bytes > _MAX_BYTES:
            raise ValueError(strings.TOO_LARGE)
        own, problems = _entries_of(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, ValueError) as error:
        own, problems = {}, [strings.FILE_UNREADABLE.format(path=path, error=in_words(error))]
    usable, wrong = _checked([*(found | own).values()], own.keys())
    return tuple(usable), (*problems, *wrong)


# The file


def _entries_of(text: str, path: str) -> tuple[dict[str, ComposedConcept], list[str]]:
    """The entries of a file by id, and a sentence on each that cannot be read, with its line."""
    found: dict[str, ComposedConcept] = {}
    problems: list[str] = []
    headings = list(_HEADING.finditer(text))
    ends = [*(heading.start() for heading in headings[1:]), len(text)][: len(headings)]
    before = text[: headings[0].start()] if headings else text
    if any(line.strip() and not line.strip().startswith("#") for line in before.splitlines()):
        problems.append(strings.NO_HEADING.format(path=path))
    for heading, end in zip(headings, ends, strict=True):
        line = text.count("\n", 0, heading.start()) + 1
        concept_id = heading[1].strip()
        place = strings.CONCEPT_PLACE.format(path=path, line=line, id=concept_id)
        try:
            if not _ID.fullmatch(concept_id) or heading[0].strip().startswith("[["):
                raise _BadEntryError(strings.BAD_ID)
            if concept_id in found:
                raise _BadEntryError(strings.ID_TWICE)
            if len(found) >= MAX_CONCEPTS:
                raise _BadEntryError(strings.TOO_MANY_CONCEPTS.format(most=MAX_CONCEPTS))
            # Each entry for itself, in its line: a missing quotation mark costs no other.
            table = tomllib.loads("\n" * (line - 1) + text[heading.start() : end])[concept_id]
            found[concept_id] = _concept(concept_id, place, table)
        except (_BadEntryError, ValueError, RecursionError) as error:
            problems.append(strings.CONCEPT_LEFT_OUT.format(place=place, error=error))
    return found, problems


def _concept(concept_id: str, place: str, table: Mapping[str, Any]) -> ComposedConcept:
    known = {field.name: field for field in fields(ComposedConcept) if field.name not in ("id", "place")}
    values: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            raise _BadEntryError(strings.UNKNOWN_KEY.format(key=key, known=", ".join(known)))
        is_text = key in ("rule", "meaning", "limits")
        given = [value] if is_text else value
        if not isinstance(given, list) or not all(isinstance(one, str) and one.strip() for one in given):
            raise _BadEntryError(strings.BAD_VALUE.format(key=key, value=value))
        values[key] = value if is_text else tuple(given)
    missing = next((key for key in ("english", "rule", "meaning", "limits") if not values.get(key)), None)
    if missing:
        raise _BadEntryError(strings.MISSING_KEY.format(key=missing))
    concept = ComposedConcept(concept_id, place, **values)
    for phrase in concept.english:
        _check_phrase(phrase, MAX_TERM_WORDS)
        _check_operators(phrase.lower().split(), phrase)
    for phrase in (phrase for name in NAMES for phrase in getattr(concept, name)):
        _check_phrase(phrase, MAX_SPAN_WORDS)
    ids = [one.id for one in tissue_classes()]
    stranger = next((one for one in concept.needs if one not in ids), None)
    if stranger:
        raise _BadEntryError(strings.NO_SUCH_CLASS.format(id=stranger, known=", ".join(ids)))
    return concept


def _check_phrase(phrase: str, most_words: int) -> None:
    if not key_of(phrase) or len(phrase.split()) > most_words or not _SIGNS.isdisjoint(phrase):
        raise _BadEntryError(strings.BAD_PHRASE.format(phrase=phrase, most=most_words))


def _check_operators(words: list[str], phrase: str) -> None:
    for operator in OPERATORS:
        if any(tuple(words[at : at + len(operator)]) == operator for at in range(len(words))):
            raise _BadEntryError(strings.OPERATOR_IN_PHRASE.format(phrase=phrase, word=" ".join(operator)))


# The rules


def _checked(
    concepts: list[ComposedConcept], own: Collection[str]
) -> tuple[list[ComposedConcept], list[str]]:
    """The entries of which the rule can be read where every class is named, and sentences on the others.

    ``own``: the ids of the reader's, which go first: they may have taken a word of one of ours.
    """
    problems: list[str] = []
    taken: dict[tuple[str, str], str] = {}
    usable = []
    for concept in concepts:
        phrases = {(name, key_of(one)): one for name in _LANGUAGES for one in getattr(concept, name)}
        other = next((phrase for phrase in phrases if phrase in taken), None)
        if other is None:
            usable.append(concept)
            taken |= dict.fromkeys(phrases, concept.id)
        else:
            reason = strings.PHRASE_TAKEN.format(phrase=phrases[other], id=taken[other])
            problems.append(strings.CONCEPT_LEFT_OUT.format(place=concept.place, error=reason))
    everything = load_lexicon(tuple((one.id, "") for one in tissue_classes()))
    while True:  # a phrase of one that is left out may be a word of the lexicon
        as_written, wrong = _rules_as_written(usable, everything)
        rules, of_rules = _whole_rules(as_written)
        wrong |= of_rules
        for concept_id, rule in rules.items():
            lacking = [leaf.text for leaf in leaves(rule) if isinstance(leaf, Term) and not leaf.weights]
            if lacking:
                wrong.setdefault(concept_id, strings.NEVER_NAMED.format(missing=", ".join(lacking)))
        if not wrong:
            return usable, problems
        wrong = {one: reason for one, reason in wrong.items() if one in own} or wrong
        wrong = _with_those_that_name_them(wrong, as_written, everything)
        problems += [
            strings.CONCEPT_LEFT_OUT.format(place=one.place, error=wrong[one.id])
            for one in usable
            if one.id in wrong
        ]
        usable = [one for one in usable if one.id not in wrong]


def _with_those_that_name_them(
    wrong: Mapping[str, str], as_written: Mapping[str, Query], lexicon: Lexicon
) -> dict[str, str]:
    """What is wrong, also with rules that name a wrong one by a phrase that the lexicon does not have."""
    grown = dict(wrong)
    named = {
        one: {_reference(leaf) for leaf in leaves(rule) if not _is_in(lexicon, leaf)}
        for one, rule in as_written.items()
    }
    while new := {
        one: ids & grown.keys() for one, ids in named.items() if one not in grown and ids & grown.keys()
    }:
        grown |= {one: strings.RULE_OF_BAD.format(id=min(ids)) for one, ids in new.items()}
    return grown


def _is_in(lexicon: Lexicon, leaf: Leaf) -> bool:
    return isinstance(leaf, Term) and lexicon.find(leaf.text) is not None


def _rules_as_written(
    concepts: Iterable[ComposedConcept], lexicon: Lexicon
) -> tuple[dict[str, Query], dict[str, str]]:
    """Each concept's rule, with others that it names as references; and what is wrong with the others."""
    concepts = tuple(concepts)
    references = tuple(Entry(one.english, ((f"{_REFERENCE}{one.id}", 1.0),), False) for one in concepts)
    names = [name for one in concepts for name in one.english]
    reading = Lexicon((*references, *lexicon.entries_without(names)), lexicon.languages)
    as_written: dict[str, Query] = {}
    wrong: dict[str, str] = {}
    for concept in concepts:
        parsed = parse(concept.rule, reading)
        if parsed.unknown:
            unknown = ", ".join(parsed.unknown)
            wrong[concept.id] = strings.UNKNOWN_WORDS.format(rule=concept.rule, words=unknown)
        elif parsed.query is None:
            problem = next(problem.sentence for problem in parsed.problems if not problem.note)
            wrong[concept.id] = strings.BAD_RULE.format(rule=concept.rule, problem=problem)
        else:
            as_written[concept.id] = parsed.query
    return as_written, wrong


def _whole_rules(as_written: Mapping[str, Query]) -> tuple[dict[str, Query], dict[str, str]]:
    """The rules over words of the lexicon alone, and what is wrong with those that cannot be written so."""
    whole: dict[str, Query] = {}
    wrong: dict[str, str] = {}
    for concept_id in as_written:
        try:
            _expand(concept_id, as_written, whole, ())
        except _BadRuleError as error:
            for one in error.ids:
                wrong.setdefault(one, str(error))
    return whole, wrong


def _expand(
    concept_id: str, as_written: Mapping[str, Query], whole: dict[str, Query], within: tuple[str, ...]
) -> Query:
    """The rule of a concept with those of the concepts that it names in their place; noted in ``whole``."""
    if concept_id in within:
        loop = within[within.index(concept_id) :]
        raise _BadRuleError(loop, strings.RULE_LOOP.format(chain=" → ".join((*loop, concept_id))))
    if concept_id not in as_written:
        raise _BadRuleError((), strings.RULE_OF_BAD.format(id=concept_id))  # said of that one
    too_large = strings.RULE_TOO_LARGE.format(most=MAX_LEAVES, depth=MAX_DEPTH)
    if len(within) >= MAX_DEPTH:
        raise _BadRuleError(within[:1], too_large)
    if concept_id not in whole:

        def rule_of(leaf: Leaf) -> Query:
            named = _reference(leaf)
            return _expand(named, as_written, whole, (*within, concept_id)) if named else leaf

        rule = with_leaves(as_written[concept_id], rule_of)
        if len(leaves(rule)) > MAX_LEAVES or depth_of(rule) > MAX_DEPTH:
            raise _BadRuleError([concept_id], too_large)
        whole[concept_id] = rule
    return whole[concept_id]


def _reference(leaf: Leaf) -> str:
    """The id of the composed concept that a word of a rule names; "" where it is none."""
    first = leaf.weights[0][0] if isinstance(leaf, Term) and leaf.weights else ""
    return first.removeprefix(_REFERENCE) if first.startswith(_REFERENCE) else ""


@lru_cache(maxsize=8)
def _with_composed(
    lexicon: Lexicon, concepts: tuple[ComposedConcept, ...], problems: tuple[str, ...]
) -> Lexicon:
    rules, _ = _whole_rules(_rules_as_written(concepts, lexicon)[0])
    entries = tuple(_entry(one, rules.get(one.id)) for one in concepts)
    names = [name for one in entries for name in one.names]
    languages = tuple(
        language.with_terms({phrase: one.english[0] for one in concepts for phrase in getattr(one, name)})
        for name, language in zip(NAMES, load_languages(), strict=True)
    )
    return Lexicon((*lexicon.entries_without(names), *entries), languages, problems)


def _entry(concept: ComposedConcept, rule: Query | None) -> Entry:
    """The concept as a term that its rule answers, or as one that lacks parts that are not named. ``rule``
    None: this lexicon cannot read it, though another can.
    """
    group, meaning = strings.COMPOSED_GROUP, concept.meaning
    entry = Entry(concept.english, (), True, concept.limits, group=group, meaning=meaning)
    if rule is None:
        why = strings.RULE_NOT_READ.format(rule=concept.rule)
        return replace(entry, why=why, nearest=concept.nearest)
    terms = [leaf for leaf in leaves(rule) if isinstance(leaf, Term)]
    classes = {name.removeprefix(CLASS_PREFIX) for term in terms for name, _ in term.weights}
    titles = [one.title for one in tissue_classes() if one.id in concept.needs and one.id not in classes]
    missing = tuple(dict.fromkeys([*titles, *(term.text for term in terms if not term.weights)]))
    if not missing:
        return replace(entry, rule=rule)
    parts = tuple(dict.fromkeys(term.text for term in terms if term.weights and term.text not in missing))
    why = strings.PARTS_MISSING.format(rule=text_of(rule), missing=", ".join(missing))
    return replace(entry, why=why, nearest=concept.nearest or parts[:3])
