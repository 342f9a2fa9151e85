"""What commands share: where a result may be written, the terms of what is used, the scale of a slide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.cli import arguments, strings, terminal
from viewer.common.atomic_write import check_savable

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from viewer.relevance.encoders.card import EncoderCard
    from viewer.slide.given_scale import GivenScale
    from viewer.slide.source import Source


def check_output(output: Path | None, read: Path | None, *, what: str = strings.THE_SLIDE) -> None:
    """Raises UsageError where a result would replace ``read``, named ``what``, or a device; SaveError where
    it could not be saved, before anything is computed for it.

    A saved file replaces the old one: for a privileged user that could be /dev/null.
    """
    if output is None:
        return
    check_savable(output)
    if not output.exists():
        return
    if read is not None and read.exists() and output.samefile(read):
        raise arguments.UsageError(strings.OVERWRITES_INPUT.format(path=output, input=what))
    if not output.is_file():
        raise arguments.UsageError(strings.NOT_A_REGULAR_FILE.format(path=output))


def scale_of_reader(source: Source) -> GivenScale | None:
    """The pixel size that a reader gave to a slide, None where none counts; says why where it is lost."""
    from viewer.slide.given_scale import GivenScalesError, given_scale

    try:
        return given_scale(source)
    except GivenScalesError as error:
        terminal.write_stderr(str(error))
        return None


def encoder_of(options: argparse.Namespace) -> str:
    """The id after ``--encoder``; without one, the one used where none is chosen. Prints what keeps the
    reader's own tissue encoder from being that."""
    from viewer.relevance.encoders.registry import encoder_in_use

    if options.encoder is not None:
        return str(options.encoder)
    print_problems()
    return encoder_in_use("")


def print_problems() -> None:
    """Print what keeps a tissue encoder from being used."""
    from viewer.relevance.encoders.tissue.card import tissue_problems

    for problem in tissue_problems():
        terminal.write_stderr(problem)


def card_with_terms(encoder_id: str) -> EncoderCard:
    """The card of an encoder. Prints the terms of a model. Raises EncoderError."""
    from viewer.relevance.analysis.open import card_of

    card = card_of(encoder_id)
    print_terms(card)
    return card


def head_with_terms(encoder_id: str) -> EncoderCard:
    """The card of a slide head. Prints the terms of the model of its features. Raises EncoderError."""
    from viewer.relevance.encoders.registry import find_card

    card = find_card(encoder_id)
    card_with_terms(card.features_of)
    return card


def print_terms(card: EncoderCard) -> None:
    """Print the terms of use of an encoder, where they are not Foveola's own."""
    if card.needs_terms:
        terminal.write_stderr(strings.TERMS_OF.format(encoder=card.title, terms=licence_terms(card)))


def licence_terms(card: EncoderCard) -> str:
    """An encoder's licence, and whether it allows commercial use."""
    return strings.TERMS.format(licence=card.licence, commercial=strings.COMMERCIAL_USE[card.commercial])
