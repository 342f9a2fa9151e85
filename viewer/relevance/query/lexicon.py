"""The histology lexicon: words to measured concepts, with their limits. Pure.

The words are data: ``resources/lexicon/english.toml``, and ``tissue.toml`` for the tissue encoder. Spelling,
case, hyphens and plurals are normalised on both sides, so that the data need not list them.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, lru_cache
from importlib import resources
from itertools import chain
from typing import TYPE_CHECKING

from viewer.relevance.query.languages import load_languages

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from viewer.relevance.query.languages import Language
    from viewer.relevance.query.tree import Query

CLASS_PREFIX = "tissue/"
"""Of weights that are classes of the tissue encoder and no measured concepts."""
MIN_TYPO_LETTERS = 5
"""Shorter words are one letter from too many others."""
LONG_LETTERS = 8
"""Shorter words are one letter from words that mean something else: myoma, myxoma."""
MAX_TERM_WORDS = 12
_MATCHES = ("exact", "approximate")
_ALIKE = 0.45

_IRREGULAR = {
    "nuclei": "nucleus", "lumina": "lumen", "villi": "villus", "acini": "acinus", "alveoli": "alveolus",
    "thrombi": "thrombus", "emboli": "embolus", "septa": "septum", "metastases": "metastasis",
    "mitoses": "mitosis", "mucosae": "mucosa", "glomeruli": "glomerulus", "bronchi": "bronchus",
    "ganglia": "ganglion", "stromata": "stroma", "carcinomata": "carcinoma", "fungi": "fungus",
    "varices": "varix", "fibroses": "fibrosis", "necroses": "necrosis", "trabeculae": "trabecula",
    "bacilli": "bacillus", "viruses": "virus", "tumours": "tumor", "biopsies": "biopsy", "hyphae": "hypha",
    "anastomoses": "anastomosis", "calculi": "calculus", "foci": "focus", "sinuses": "sinus",
}  # fmt: skip
_BRITISH = (
    (re.compile(r"oe(?=[a-z])|ae(?=[a-z])"), "e"),
    (re.compile(r"(?<=[a-z]{2})our"), "or"),
    (re.compile(r"(?<=[bt])re$"), "er"),
    (re.compile(r"(?<=[a-z]{3})is(?=(e|ed|es|ing|ation|ations)$)"), "iz"),
    (re.compile(r"^artef"), "artif"),
    (re.compile(r"^grey$"), "gray"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One term. ``weights`` are concept ids with their weights; () where it cannot be measured, for the
    reason ``why``, with the ``nearest`` terms that can. ``group``: what it belongs to, for the reader.
    ``rule``: of a composed concept, the query that it stands for; ``meaning``: in a sentence. ``ranked``: by
    key of a name, which encoder reads it and how well that ranks it; names of which that is not known lack.
    """

    names: tuple[str, ...]
    weights: tuple[tuple[str, float], ...]
    approximate: bool
    limits: str = ""
    why: str = ""
    nearest: tuple[str, ...] = ()
    group: str = ""
    rule: Query | None = None
    meaning: str = ""
    ranked: tuple[tuple[str, str], ...] = ()

    @property
    def measurable(self) -> bool:
        return bool(self.weights) or self.rule is not None

    def ranked_as(self, text: str) -> str:
        """Which encoder reads one of its names, and how well it ranks it; "" where that is not known."""
        return dict(self.ranked).get(key_of(text), "")


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The terms, by their names here and in other ``languages``. ``problems``: sentences on terms of the
    reader's own that could not be read.
    """

    entries: tuple[Entry, ...]
    languages: tuple[Language, ...] = field(default_factory=load_languages, repr=False)
    problems: tuple[str, ...] = ()
    _by_key: dict[str, Entry] = field(init=False, repr=False)
    _words: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_key: dict[str, Entry] = {}
        for entry in self.entries:
            for name in entry.names:
                other = by_key.setdefault(key_of(name), entry)
                if other is not entry:
                    raise ValueError(f"lexicon: {name!r} stands twice, also as {other.names[0]!r}")
        object.__setattr__(self, "_by_key", by_key)
        object.__setattr__(self, "_words", frozenset(word for key in by_key for word in key.split()))

    def find(self, text: str) -> Entry | None:
        """The entry of a term, whatever its spelling, case or number."""
        return self._by_key.get(key_of(text))

    def entries_without(self, names: Iterable[str]) -> tuple[Entry, ...]:
        """The entries less these names; those of no other name are left out."""
        taken = {key_of(name) for name in names}
        left = (
            replace(entry, names=tuple(name for name in entry.names if key_of(name) not in taken))
            for entry in self.entries
        )
        return tuple(entry for entry in left if entry.names)

    def begins_name(self, word: str) -> bool:
        """Whether a name of several words, or of one, begins with this word."""
        return not self._first_words.isdisjoint(key_of(word).split()[:1])

    def names_with(self, words: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """The keys, as words, that contain one of these words; longest first."""
        chosen = frozenset(words)
        if chosen not in self._keys_with:
            keys = [tuple(key.split()) for key in self._by_key]
            found = sorted((key for key in keys if not chosen.isdisjoint(key)), key=len, reverse=True)
            self._keys_with[chosen] = tuple(found)
        return self._keys_with[chosen]

    def corrected(self, text: str) -> str | None:
        """The known term at one clear typing error a word; None if none or several."""
        words = key_of(text).split()
        if not 0 < len(words) <= MAX_TERM_WORDS:
            return None
        choices = [(word,) if word in self._words else self._close_words(word) for word in words]
        found = {""}
        for choice in choices:
            found = {f"{start} {word}".strip() for start in found for word in choice}
            if len(found) > 64:
                return None
        known = [key for key in found if key in self._by_key]
        return self._name_of_key(known[0]) if len(known) == 1 else None

    def parts(self, text: str) -> tuple[tuple[str, ...], bool]:
        """The known terms within a text from left to right, longest first, and whether no word is left."""
        words, found, start, complete = text.split(), [], 0, True
        while start < len(words):
            longest = MAX_TERM_WORDS if self.begins_name(words[start]) else 1
            for end in range(min(len(words), start + longest), start, -1):
                piece = " ".join(words[start:end])
                if self.find(piece):
                    found.append(piece)
                    start = end
                    break
            else:
                complete = False
                start += 1
        return tuple(found), complete

    def nearest(self, text: str, limit: int = 3) -> tuple[str, ...]:
        """Measurable terms, one an entry, whose letters are most like these: for an unknown word."""
        given = _pairs(key_of(text[:80]))
        names, with_pair = self._letter_pairs
        shared = Counter(chain.from_iterable(with_pair.get(pair, ()) for pair in given))
        best: dict[int, tuple[float, str]] = {}
        for number, count in sorted(shared.items()):
            entry, name, length = names[number]
            alike = 2 * count / (len(given) + length)
            if alike >= _ALIKE and alike >= best.get(entry, (0.0, ""))[0]:
                best[entry] = (alike, name)
        return tuple(name for _, name in sorted(best.values(), reverse=True)[:limit])

    def complete(self, prefix: str, limit: int = 10) -> tuple[str, ...]:
        """Measurable names that begin so, or hold a word that does: the very word first, then beginnings, the
        shorter first; where there is none, those of which the name in another language begins so."""
        start = key_of(prefix, whole_words=False)
        if not start:
            return ()
        rated: list[tuple[int, bool, int, str]] = []
        for entry in self.entries:
            if not entry.measurable:
                continue
            for number, name in enumerate(entry.names):
                key = key_of(name, whole_words=False)
                if key.startswith(start):
                    rated.append((key != start, number > 0, len(name), name))
                elif f" {start}" in key:
                    rated.append((2, number > 0, len(name), name))
        names = [name for *_, name in sorted(rated)]
        if not names:
            elsewhere = (name for language in self.languages for name in language.begins(prefix))
            names = [name for name in elsewhere if (known := self.find(name)) and known.measurable]
        return tuple(dict.fromkeys(names))[:limit]

    def complete_query(self, text: str, limit: int = 10) -> tuple[str, ...]:
        """Whole queries that a half-typed one may become: its last term is completed."""
        before, last = _last_term().fullmatch(text[-2000:]).group(1, 2)  # type: ignore[union-attr]
        return tuple(before + name for name in self.complete(last, limit))

    def _close_words(self, word: str) -> tuple[str, ...]:
        if len(word) < MIN_TYPO_LETTERS:
            return ()
        long_enough = (known for known in self._words if len(known) >= MIN_TYPO_LETTERS)
        return tuple(known for known in long_enough if is_clear_slip(word, known))

    @cached_property
    def _first_words(self) -> frozenset[str]:
        return frozenset(key.split()[0] for key in self._by_key)

    @cached_property
    def _keys_with(self) -> dict[frozenset[str], tuple[tuple[str, ...], ...]]:
        """The answers of ``names_with`` so far."""
        return {}

    @cached_property
    def _letter_pairs(self) -> tuple[list[tuple[int, str, int]], dict[str, list[int]]]:
        """Each measurable name, also for its names in other languages, with the numbers of its entry and of
        its pairs of letters; and for each pair the numbers of the names that have it."""
        names = [(entry, name, name) for entry in self.entries for name in entry.names]
        for language in self.languages:
            for written, name in language.all_terms:
                entry = self.find(name)
                names += [(entry, name, written)] if entry else []
        numbers = {id(entry): number for number, entry in enumerate(self.entries)}
        listed: list[tuple[int, str, int]] = []
        with_pair: dict[str, list[int]] = {}
        for entry, name, written in names:
            if entry.measurable:
                pairs = _pairs(key_of(written))
                for pair in pairs:
                    with_pair.setdefault(pair, []).append(len(listed))
                listed.append((numbers[id(entry)], name, len(pairs)))
        return listed, with_pair

    def _name_of_key(self, key: str) -> str:
        return next(name for name in self._by_key[key].names if key_of(name) == key)


_JOINING = ("and", "but", "with", "or", "without", "not", "instead of", "but not", "near", "in")


@cache
def _last_term() -> re.Pattern[str]:
    """What stands before the last term of a query, in any language, and that term."""
    words = ["and", "or", "but", "not", "no", "without", "near", "of", "next to", "close to", "in", "with"]
    for language in load_languages():
        words += [word for word, meaning in language.words.items() if meaning in _JOINING and len(word) > 1]
    either = "|".join(map(re.escape, sorted(words, key=len, reverse=True)))
    return re.compile(rf"(.*(?:[(,]|\b(?:{either})\s)\s*|)(.*)", re.I | re.S)


@cache
def load_lexicon(
    classes: tuple[tuple[str, str], ...] = (), ranked: tuple[tuple[str, str], ...] = ()
) -> Lexicon:
    """The lexicon that ships with Foveola.

    ``classes`` of the tissue encoder that are named, or several with "+" between that are named as one, each
    with a sentence on who ranks them how well: words for them stand for these instead of what is measured.
    ``ranked``: the same of names that are measured.
    """
    by_key = {key_of(name): sentence for name, sentence in ranked}
    measured = Lexicon(
        tuple(
            replace(one, ranked=tuple((key, by_key[key]) for key in map(key_of, one.names) if key in by_key))
            for one in _entries("english.toml")
        )
    )
    if not classes:
        return measured
    sentences = {frozenset(names.split("+")): sentence for names, sentence in classes}
    named = tuple(
        replace(entry, ranked=tuple((key_of(name), "; ".join(figures)) for name in entry.names))
        for entry in class_entries()
        if (figures := _figures(entry, sentences)) is not None
    )
    return Lexicon((*named, *measured.entries_without(name for entry in named for name in entry.names)))


@cache
def class_entries() -> tuple[Entry, ...]:
    """Every term that may stand for classes of the tissue encoder."""
    return _entries("tissue.toml")


@cache
def class_terms() -> tuple[tuple[tuple[str, float], ...], ...]:
    """The weights of every term that stands for classes of the tissue encoder."""
    return tuple(dict.fromkeys(entry.weights for entry in class_entries()))


def _figures(entry: Entry, sentences: Mapping[frozenset[str], str]) -> tuple[str, ...] | None:
    """How well the entry's classes are ranked, as one or each; None where they may not all be named."""
    names = [name.removeprefix(CLASS_PREFIX) for name, _ in entry.weights]
    if frozenset(names) in sentences:
        return (sentences[frozenset(names)],)
    each = [sentences.get(frozenset([name])) for name in names]
    return None if None in each else tuple(dict.fromkeys(filter(None, each)))


def _entries(file: str) -> tuple[Entry, ...]:
    text = resources.files("resources").joinpath("lexicon", file).read_text(encoding="utf-8")
    groups = tomllib.loads(text)["group"]
    return tuple(_entry(term, group["name"]) for group in groups for term in group["term"])


def _entry(term: dict[str, object], group: str) -> Entry:
    names, weights = term["names"], term.get("weights", {})
    assert isinstance(names, list)
    assert isinstance(weights, dict)
    if bool(weights) == ("why" in term) or (weights and term.get("match") not in _MATCHES):
        raise ValueError(f"lexicon: {names[0]!r} needs weights with a match, or why there are none")
    nearest = term.get("nearest", ())
    assert isinstance(nearest, list | tuple)
    return Entry(
        tuple(names),
        tuple((concept, float(weight)) for concept, weight in weights.items()),
        term.get("match") == "approximate",
        str(term.get("limits", "")),
        str(term.get("why", "")),
        tuple(nearest),
        group,
    )


@lru_cache(maxsize=8192)
def key_of(text: str, *, whole_words: bool = True) -> str:
    """A term normalised for comparison: case, accents, hyphens, British spelling, plurals.

    ``whole_words`` False: plurals stay, for words that are half typed.
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).replace("'", "").replace("\u2019", "")
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = re.findall(r"[\w&]+", plain)
    return " ".join(_normalised(word, whole_words) for word in words)


def _normalised(word: str, whole_word: bool) -> str:
    if whole_word:
        word = _IRREGULAR.get(word, word)
        if len(word) > 4 and word.endswith("ies"):
            word = word[:-3] + "y"
        elif len(word) > 4 and word.endswith(("sses", "ches", "shes", "xes")):
            word = word[:-2]
        elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
            word = word[:-1]
    for pattern, american in _BRITISH:
        word = pattern.sub(american, word)
    return word


def is_one_slip(word: str, other: str) -> bool:
    """One letter missing, added, changed, or two neighbours swapped (Damerau 1964)."""
    if word == other or abs(len(word) - len(other)) > 1:
        return False
    start = 0
    while start < min(len(word), len(other)) and word[start] == other[start]:
        start += 1
    rest, other_rest = word[start:], other[start:]
    if len(rest) == len(other_rest):
        swapped = len(rest) > 1 and rest[1::-1] + rest[2:] == other_rest
        return rest[1:] == other_rest[1:] or swapped
    longer, shorter = sorted((rest, other_rest), key=len, reverse=True)
    return longer[1:] == shorter


def is_clear_slip(word: str, known: str) -> bool:
    """One slip that is no other word: neighbours swapped, a letter doubled or not, or, within a long word, a
    letter missing or added, or one vowel for another. (Arthritis and arteritis differ by a letter, too.)
    """
    if not is_one_slip(word, known):
        return False
    if sorted(word) == sorted(known) or _undoubled(word) == _undoubled(known):
        return True
    if len(known) < LONG_LETTERS or (word[0], word[-1]) != (known[0], known[-1]):
        return False
    changed = {letter for pair in zip(word, known, strict=False) if pair[0] != pair[1] for letter in pair}
    return len(word) != len(known) or changed <= set("aeiouy")


def _undoubled(word: str) -> str:
    return re.sub(r"(.)\1+", r"\1", word)


def _pairs(key: str) -> frozenset[str]:
    padded = f" {key} "
    return frozenset(padded[at : at + 2] for at in range(len(padded) - 1))
