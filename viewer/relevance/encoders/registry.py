"""The encoders: one line for each of our own, then those of other installed packages.

An encoder turns pixels into features (once per patch, kept in the store) and features into scores (at each
query). This file imports no torch: cards are read by the window's process, encoders are made in the worker's.
A package names an ``EncoderEntry`` in the group ``foveola.encoders`` of its entry points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from viewer.common.errors import EncoderError
from viewer.common.log import described
from viewer.plugins import plugins
from viewer.relevance.encoders import strings
from viewer.relevance.encoders.card import MEASURED_ID, TISSUE_ID, EncoderCard
from viewer.relevance.encoders.composed import composed_problems
from viewer.relevance.encoders.head_registry import head_cards, missing_head, read_heads
from viewer.relevance.encoders.measured.card import MEASURED, SALIENCY
from viewer.relevance.encoders.model_registry import load_model, missing_model, model_cards, read_registry
from viewer.relevance.encoders.tissue.card import (
    missing_tissue,
    tissue_cards,
    tissue_is_trained_here,
    tissue_problems,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from viewer.relevance.encoders.card import QueryKind
    from viewer.relevance.encoders.protocols import Encoder

GROUP = "foveola.encoders"


@dataclass(frozen=True, slots=True)
class EncoderEntry:
    """One encoder, or those that a file of the user's names.

    ``cards`` are read without torch, and again whenever encoders are listed. ``load``: one of them by its id,
    ready for work; imports torch, reads weights, raises EncoderError. ``problems``: sentences on encoders
    that cannot be offered, and on files of the user's that go with them. ``missing``: of our own entries,
    why an id of theirs is not there.
    """

    cards: Callable[[], Iterable[EncoderCard]]
    load: Callable[[str], Encoder]
    problems: Callable[[], Iterable[str]] = tuple
    missing: Callable[[str], EncoderError | None] = lambda _encoder_id: None


def _load_measured(_encoder_id: str) -> Encoder:
    from viewer.relevance.encoders.measured.encoder import MeasuredEncoder

    return MeasuredEncoder()


def _load_saliency(_encoder_id: str) -> Encoder:
    from viewer.relevance.encoders.measured.saliency import SaliencyEncoder

    return SaliencyEncoder()


def _load_tissue(_encoder_id: str) -> Encoder:
    from viewer.relevance.encoders.tissue.encoder import TissueEncoder

    return TissueEncoder.load()


def _load_head(encoder_id: str) -> Encoder:
    from viewer.relevance.encoders.head_encoder import HeadEncoder
    from viewer.relevance.encoders.head_registry import head_entry

    head = head_entry(encoder_id)
    return HeadEncoder.load(head, load_encoder(head.encoder))


_OUR_OWN = (
    EncoderEntry(lambda: (MEASURED,), _load_measured, composed_problems),
    EncoderEntry(tissue_cards, _load_tissue, tissue_problems, missing_tissue),
    EncoderEntry(lambda: (SALIENCY,), _load_saliency),
    EncoderEntry(model_cards, load_model, lambda: read_registry().problems, missing_model),
    EncoderEntry(head_cards, _load_head, lambda: read_heads().problems, missing_head),
)


def listing() -> tuple[tuple[EncoderCard, ...], tuple[str, ...]]:
    """Every encoder that can be chosen: our own, the user's models and slide heads, other packages'; and
    sentences on those that are named and cannot be offered. Reads files of weights in part.
    """
    found, problems = _listed()
    return tuple(card for card, _ in found.values()), problems


def cards() -> tuple[EncoderCard, ...]:
    """Every encoder that can be chosen."""
    return listing()[0]


def find_card(encoder_id: str) -> EncoderCard:
    """The card of an encoder. Raises EncoderError, naming those there are."""
    return _find(encoder_id)[0]


def encoder_in_use(chosen: str) -> str:
    """The id of the encoder that was chosen; "": of the best that needs no choice.

    That is a tissue encoder that the reader trained. The one that comes with Foveola is for the reader to
    choose: on typed words it has not been shown to be better than the measured concepts.
    """
    return chosen or (TISSUE_ID if tissue_is_trained_here() else MEASURED_ID)


def query_kind_of(encoder_id: str) -> QueryKind:
    """Which text queries an encoder accepts; free text for one that is not listed."""
    # Asked at each key: the list of all reads files of models.
    ours = next((card for card in (MEASURED, *tissue_cards()) if card.id == encoder_id), None)
    listed = (ours,) if ours is not None else cards()
    return next((card.query_kind for card in listed if card.id == encoder_id), "free text")


def load_encoder(encoder_id: str) -> Encoder:
    """An encoder, ready for work: imports torch, reads weights. Raises EncoderError."""
    return _find(encoder_id)[1].load(encoder_id)


def _find(encoder_id: str) -> tuple[EncoderCard, EncoderEntry]:
    found, _ = _listed()
    if encoder_id in found:
        return found[encoder_id]
    names = ", ".join(card.id for card, _ in found.values() if not card.features_of)
    unknown = EncoderError(strings.UNKNOWN_ENCODER.format(encoder=encoder_id, known=names))
    raise next(filter(None, (entry.missing(encoder_id) for entry in _OUR_OWN)), unknown)


def _listed() -> tuple[dict[str, tuple[EncoderCard, EncoderEntry]], tuple[str, ...]]:
    """By id, each with its entry; and sentences on those that cannot be offered."""
    brought, problems = plugins(GROUP, EncoderEntry)
    found: dict[str, tuple[EncoderCard, EncoderEntry]] = {}
    wrong: list[str] = []
    for entry in (*_OUR_OWN, *brought):
        try:
            offered = tuple(entry.cards())
            if strangers := [card for card in offered if not isinstance(card, EncoderCard)]:
                raise TypeError(f"{strangers[0]!r} is no EncoderCard")
            wrong += entry.problems()
        except Exception as error:  # code of strangers may raise anything
            wrong.append(strings.PLUGIN_NOT_LISTED.format(error=described(error)))
            continue
        for card in offered:
            if card.id in found:
                wrong.append(strings.ID_TAKEN.format(title=card.title, encoder=card.id))
            else:
                found[card.id] = card, entry
    return found, (*wrong, *problems)
