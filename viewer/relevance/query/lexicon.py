"""The histology lexicon: words to measured concepts, with their limits. Pure.

The words are data, ``resources/lexicon.toml``. Spelling, case, hyphens and plurals are normalised on both
sides, so that the data need not list them.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_TYPO_LETTERS = 5
"""Shorter words are one letter from too many others."""
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
    reason ``why``, with the ``nearest`` terms that can.
    """

    names: tuple[str, ...]
    weights: tuple[tuple[str, float], ...]
    approximate: bool
    limits: str = ""
    why: str = ""
    nearest: tuple[str, ...] = ()

    @property
    def measurable(self) -> bool:
        return bool(self.weights)


@dataclass(frozen=True)
class Lexicon:
    """The terms, by their names."""

    entries: tuple[Entry, ...]
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

    def names_with(self, words: Iterable[str]) -> tuple[tuple[str, ...], ...]:
        """The keys, as words, that contain one of these words; longest first."""
        chosen = set(words)
        keys = [tuple(key.split()) for key in self._by_key]
        return tuple(sorted((key for key in keys if chosen & set(key)), key=len, reverse=True))

    def corrected(self, text: str) -> str | None:
        """The known term at one typing error a word, in long words only; None if none or several."""
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
            for end in range(min(len(words), start + MAX_TERM_WORDS), start, -1):
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
        best: dict[Entry, tuple[float, str]] = {}
        for entry, name, pairs in _letter_pairs(self.entries):
            alike = 2 * len(given & pairs) / (len(given) + len(pairs) or 1)
            if alike >= max(_ALIKE, best.get(entry, (0.0, ""))[0]):
                best[entry] = (alike, name)
        return tuple(name for _, name in sorted(best.values(), reverse=True)[:limit])

    def complete(self, prefix: str, limit: int = 10) -> tuple[str, ...]:
        """Measurable names that begin so, or hold a word that does: beginnings first, then the shorter."""
        start = key_of(prefix, whole_words=False)
        if not start:
            return ()
        rated = []
        for entry in self.entries:
            if not entry.measurable:
                continue
            for number, name in enumerate(entry.names):
                key = key_of(name, whole_words=False)
                if key.startswith(start):
                    rated.append((0, number > 0, len(name), name))
                elif f" {start}" in key:
                    rated.append((1, number > 0, len(name), name))
        return tuple(name for *_, name in sorted(rated)[:limit])

    def complete_query(self, text: str, limit: int = 10) -> tuple[str, ...]:
        """Whole queries that a half-typed one may become: its last term is completed."""
        before, last = _LAST_TERM.fullmatch(text[-2000:]).group(1, 2)  # type: ignore[union-attr]
        return tuple(before + name for name in self.complete(last, limit))

    def _close_words(self, word: str) -> tuple[str, ...]:
        if len(word) < MIN_TYPO_LETTERS:
            return ()
        return tuple(known for known in self._words if len(known) >= 4 and is_one_slip(word, known))

    def _name_of_key(self, key: str) -> str:
        return next(name for name in self._by_key[key].names if key_of(name) == key)


_LAST_TERM = re.compile(
    r"(.*(?:[(,]|\b(?:and|or|but|not|no|without|near|of|next to|close to|in|with)\s)\s*|)(.*)", re.I | re.S
)


@cache
def load_lexicon() -> Lexicon:
    """The lexicon that ships with Foveola."""
    table = tomllib.loads(resources.files("resources").joinpath("lexicon.toml").read_text(encoding="utf-8"))
    return Lexicon(tuple(_entry(term) for term in table["term"]))


def _entry(term: dict[str, object]) -> Entry:
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


def _pairs(key: str) -> frozenset[str]:
    padded = f" {key} "
    return frozenset(padded[at : at + 2] for at in range(len(padded) - 1))


@lru_cache(maxsize=2)
def _letter_pairs(entries: tuple[Entry, ...]) -> tuple[tuple[Entry, str, frozenset[str]], ...]:
    return tuple(
        (entry, name, _pairs(key_of(name))) for entry in entries if entry.measurable for name in entry.names
    )
