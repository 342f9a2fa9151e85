"""What commands check before they compute: where a result may be written, the terms of what they use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.cli import arguments, terminal
from viewer.common.atomic_write import check_savable

if TYPE_CHECKING:
    from pathlib import Path

    from viewer.relevance.encoders.card import EncoderCard


def check_output(output: Path | None, read: Path | None, *, what: str = "the slide") -> None:
    """Raises UsageError where a result would take the place of what is read, or of a device; SaveError where
    it could not be saved, before anything is computed for it.

    A saved file replaces what stood there: with a privileged user that would be /dev/null for all.
    """
    if output is None:
        return
    check_savable(output)
    if not output.exists():
        return
    if read is not None and read.exists() and output.samefile(read):
        raise arguments.UsageError(f"{output}: this is {what} itself; choose another name")
    if not output.is_file():
        raise arguments.UsageError(f"{output}: this is no ordinary file; choose another name")


def card_with_terms(encoder_id: str) -> EncoderCard:
    """What is known of an encoder; the terms of a model are told before it is used. Raises EncoderError."""
    from viewer.relevance.analysis.open import card_of

    card = card_of(encoder_id)
    tell_terms(card)
    return card


def head_with_terms(encoder_id: str) -> EncoderCard:
    """What is known of a slide head; the terms of the model whose features it reads are told. Raises
    EncoderError.
    """
    from viewer.relevance.encoders.registry import find_card

    card = find_card(encoder_id)
    card_with_terms(card.features_of)
    return card


def tell_terms(card: EncoderCard) -> None:
    """Say under which terms an encoder may be used, where they are not Foveola's own."""
    if card.needs_terms:
        terminal.write_stderr(f"{card.title}: {licence_terms(card)}")


def licence_terms(card: EncoderCard) -> str:
    """An encoder's licence, and whether it allows commercial use."""
    uses = {True: "commercial use allowed", False: "no commercial use", None: "commercial use not stated"}
    return f"{card.licence}; {uses[card.commercial]}"
