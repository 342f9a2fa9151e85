"""What a protocol asks of the second reader, and which of it cannot be analysed, and why.

Whether words can be searched for is the lexicon's to say, and the encoder's card: nothing is decided anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.relevance.encoders.card import HEAD_PREFIX
from viewer.relevance.query.parser import parse
from viewer.relevance.query.tree import needs_words
from viewer.review import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from viewer.relevance.encoders.card import EncoderCard, HeadEntry
    from viewer.relevance.query.lexicon import Lexicon
    from viewer.relevance.query.tree import Query
    from viewer.review.protocols import ProtocolHead, ProtocolQuery, ReadingProtocol


@dataclass(frozen=True, slots=True)
class Encoders:
    """What there is to read with: ``cards`` by id, ``heads`` by name; ``chosen``: the reader's encoder, ""
    for the best for each word; ``lexicon_of``: the words of an encoder, as in ``encoders.vocabulary``."""

    cards: Mapping[str, EncoderCard]
    heads: Mapping[str, HeadEntry]
    chosen: str
    lexicon_of: Callable[[str], Lexicon]


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is looked for. ``text``: for the reader; ``encoder``: the id of the one to ask, "" for
    the best for each word; ``query``: None for a slide head, and where it is not analysed; ``head``: of a
    slide head, what is asked of it.

    ``not_analysed``: why, in a sentence; "" where it is analysed.
    """

    text: str
    encoder: str
    threshold: float
    query: Query | None
    not_analysed: str
    head: ProtocolHead | None = None


def asked(protocol: ReadingProtocol, encoders: Encoders) -> list[Asked]:
    """All that a protocol looks for, in its order."""
    return [
        *(_asked_in_words(query, encoders) for query in protocol.queries),
        *(_asked_of_head(head, encoders) for head in protocol.heads),
    ]


def _asked_in_words(query: ProtocolQuery, encoders: Encoders) -> Asked:
    encoder = query.encoder or encoders.chosen
    if encoder and encoder not in encoders.cards:
        why = strings.NO_ENCODER.format(encoder=encoder)
        return Asked(query.text, encoder, query.threshold, None, why)
    # Without a choice words go to encoders of concepts: the measured ones and that of tissue.
    kind = encoders.cards[encoder].query_kind if encoder else "concepts"
    if kind == "none":
        why = strings.NO_TEXT_QUERIES.format(encoder=encoders.cards[encoder].title)
        return Asked(query.text, encoder, query.threshold, None, why)
    parsed = parse(query.text, encoders.lexicon_of(encoder))
    if parsed.query is None or (kind == "concepts" and needs_words(parsed.query)):
        why = " ".join(problem.sentence for problem in parsed.problems if not problem.note)
        return Asked(query.text, encoder, query.threshold, None, why)
    return Asked(query.text, encoder, query.threshold, parsed.query, "")


def _asked_of_head(head: ProtocolHead, encoders: Encoders) -> Asked:
    text = strings.CLASS_OF_HEAD.format(name=head.name, wanted=head.class_name)
    entry = encoders.heads.get(head.name)
    why = ""
    if entry is None:
        why = strings.NO_HEAD.format(name=head.name)
    elif head.class_name not in entry.classes:
        known = ", ".join(entry.classes)
        why = strings.NO_CLASS.format(name=head.name, wanted=head.class_name, known=known)
    return Asked(text, f"{HEAD_PREFIX}{head.name}", head.threshold, None, why, head)
