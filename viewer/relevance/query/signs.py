"""Signs and numbers of a typed query as the words and plain numbers that are parsed. Pure."""

from __future__ import annotations

import re
from functools import partial

from viewer.relevance.query.vocabulary import LEFT_OUT

_QUOTES = str.maketrans("“”„«»–\u2212", '"""""--') | {ord("—"): " - "}
_STARTS_WORD = r"(?<![^\s(,;|&])"

_UNIT = (
    r"(?:(?:[uµμ]m|mm|cm|mi[ck]r[oóô]n(?:e?s|[ae]|d[ae]n?|luk)?"
    r"|(?:mi[ck]r[oóô]|mill?[iíì])m[eèé]t(?:er|r[eo])\w*)\b)"
)
"""A unit of length in any of the languages, whole: "a microabscess" is no number."""


def _outside_quotes(pattern: str) -> re.Pattern[str]:
    """A quoted phrase as group 1, or the pattern, of which the groups count from 2."""
    return re.compile(rf'("[^"]*"?)|{pattern}', re.I)


_READ = (
    (_outside_quotes(_STARTS_WORD + r'[-!](?=[^\W\d_]|["(])'), LEFT_OUT),
    (_outside_quotes(r"(?:!=|<>|≠)\s*(?=[^\W\d_])"), f" {LEFT_OUT}"),
    (_outside_quotes(r"[<>≤≥]\s*(?=[^\W\d_])"), " than "),
    (_outside_quotes(r"(?<=\S)\s+\+(?=[^\W\d_])"), " + "),
    (_outside_quotes(r"[>≥]\s*(?=\d)"), " more than "),
    (_outside_quotes(r"[<≤]\s*(?=\d)"), " less than "),
    (_outside_quotes(r"\b([1-9]\d{0,2})[.,]000(?!\d)"), r"\g<2>000"),
    (_outside_quotes(r"\b([1-9]\d{0,2}),(\d{3})(?=\s*(?:[uµμ]m\b|mi[ck]ro))"), r"\g<2>\g<3>"),
    (_outside_quotes(r"(?<=\d),(?=\d)"), "."),
    (
        _outside_quotes(
            rf"\b(?:half an?|(?:un|einem|einen|ein) (?:demi|halbe[nrs]?)|medio|yarım)\s+(?={_UNIT})"
        ),
        "0.5 ",
    ),
    (_outside_quotes(rf"\b(?:an?|one|une?|ein(?:en|em|es)?|bir)\s+(?={_UNIT})"), "1 "),
)


def with_signs_read(text: str) -> str:
    """The text with a minus or exclamation mark before a word as ``LEFT_OUT``, "> 200" and "fat > blood" in
    words, and numbers without a comma: "1,000 µm" is a thousand, "0,5 mm" and "half a mm" a half. What is
    quoted stays.
    """
    text = text.translate(_QUOTES)
    for pattern, read in _READ:
        text = pattern.sub(partial(_quoted_or, read), text)
    return text


def _quoted_or(read: str, found: re.Match[str]) -> str:
    """What is quoted as it is; anything else as it is read."""
    return found[1] or found.expand(read)
