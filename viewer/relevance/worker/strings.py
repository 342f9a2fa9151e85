"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# How an analysis ends.
CANNOT_START = "The analysis cannot start: {error}"
HAS_ENDED = "The analysis has ended. {error}"
PROTOCOL_ERROR = "The analysis has ended: {error}"
DIED_RESTARTING = "The analysis ended unexpectedly ({how}); it is restarted and continues from there."
DIED = (
    "The analysis ended unexpectedly ({how}); what was analysed is kept. "
    "To start it again, ask the query again or show the attention again."
)
BY_SIGNAL = "signal {number}"
BY_EXIT_STATUS = "exit status {code}"
BAD_PIXEL_SIZE = "The slide cannot be analysed: {error}."
ENCODER_CHANGED = (
    "models.toml or heads.toml was changed while this encoder was being started; choose it again"
)

# Notes on an analysis that goes on.
NO_SENTENCE_MODEL = "Words that the lexicon lacks are not compared by their meaning: {error}."
