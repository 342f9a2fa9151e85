"""Cards say what encoders can do: those of our own agree with the protocols that the encoders follow."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.messages import pattern
from viewer.common.errors import EncoderError
from viewer.relevance.encoders import registry, strings
from viewer.relevance.encoders.measured.card import MEASURED, SALIENCY
from viewer.relevance.encoders.protocols import Attending, Magnifying, NamedScores, Refining
from viewer.relevance.encoders.registry import EncoderEntry, cards, find_card, listing, load_encoder


@pytest.mark.parametrize("encoder_id", [MEASURED.id, SALIENCY.id])
def test_what_a_card_says_an_encoder_does(encoder_id: str) -> None:
    encoder = load_encoder(encoder_id)
    card = find_card(encoder_id)
    assert encoder.card == card
    assert isinstance(encoder, Attending) == (card.attends == "tokens")
    assert isinstance(encoder, Magnifying) == card.magnifies
    assert not card.refines or isinstance(encoder, Refining)
    assert not card.names_scores or isinstance(encoder, NamedScores)
    assert (card.attention_heads is None) == (card.attends == "")


def test_an_entry_that_cannot_be_listed_costs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> tuple[()]:
        raise ZeroDivisionError("by a stranger")

    brought = EncoderEntry(broken, load_encoder), EncoderEntry(lambda: ("toy",), load_encoder)
    monkeypatch.setattr(registry, "plugins", lambda *_: (brought, ("theirs could not be loaded",)))
    assert [card.id for card in cards()] == [MEASURED.id, SALIENCY.id]
    _, problems = listing()
    assert "ZeroDivisionError: by a stranger" in problems[0]
    assert "'toy' is no EncoderCard" in problems[1]
    assert problems[2] == "theirs could not be loaded"
    unknown = pattern(strings.UNKNOWN_ENCODER, encoder="'toy'", known="measured, saliency")
    with pytest.raises(EncoderError, match=unknown):
        load_encoder("toy")
