"""User-visible texts on how overlays are drawn; ``{name}`` is filled with a value."""

from __future__ import annotations

NO_LEVEL = "the attention mode {mode!r} has no level {level!r}"
NO_COLOUR_MAP = "there is no colour map {name!r}; there are {names}"

# Legends.
NOT_A_DIAGNOSIS = "Not a diagnosis. Research use only."
NOT_ANALYSED = "not analysed"
ESTIMATED, PARTLY_KNOWN = "estimated", "known in part"
OR = " or "
OF_LAYERS = "{meaning} ({titles})"
ALL_ANALYSED = "all analysed"
STATE_AND_DOTS = "{state}; dotted: {meaning}"
LINES_AT = "lines at {values}"
ONLY_DOTS = "Dotted: {meaning}"
HATCHED = "Hatched: {meaning}."
DOTTED = "Dotted: {meaning}."
FRAMED = "Framed, where patches are large: in the upper half of the colours."
ENTRY = "{title} ({facts}), from {low} to {high}."
ENTRY_WITH_MIDDLE = "{title} ({facts}), from {low} over {middle} to {high}."
ENTRY_WITHOUT_SCALE = "{title}: {facts}."
ENTRY_WITH_KEYS = "{title}: {keys}. {facts}"
FACTS_AND_MEANING = "{facts}; {meaning}"
SOURCE_AND_SIZE = "{source}, {size}"
PROBABILITY_OF = "Probability of: {query}"
LIKENESS_TO = "Measured likeness to: {query}"
SCORE_OF = "Combined score: {query}"
UNLIKE, ALIKE = "0 unlike", "1 alike"
UNLIKELY, LIKELY = "0 unlikely", "1 likely"
AT_MOST, AT_LEAST = "≤ {value}", "≥ {value}"
LOW, HIGH = "{value} low", "{value} high"

# Outlines.
UNNAMED = "without a name"
OUTLINES_TITLE = "{file}: outlines"
OUTLINES_OF = "Outlines from {source}: {count:,}."
KIND_AND_COUNT = "{kind} ({count:,})"
MORE_KINDS = " {count:,} more classes are not listed here."
NAME_AND_KIND = "{name} ({kind})"

# Kept layers.
LAYER_TOO_LARGE = "it is too large to be kept"
NOT_A_KEPT_LAYER = "it is damaged, or no layer that Foveola kept"
KEPT_LAYER_DAMAGED = "A kept layer of this slide cannot be shown and was set aside: {path}: {reason}"
