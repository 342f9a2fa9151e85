"""What this room says to the reader; ``{name}`` stands for a value. Names of measurements are on the card."""

from __future__ import annotations

AVERAGE_STAINS = "Average stain colours are used: {reason}."
OTHER_STAIN = "This slide looks like {stain}, not H&E. {consequence}"
CONCEPTS_OFF = "These are off: {concepts}."
SALIENCY_MISLED = "Saliency is measured as if it were H&E, and may be misled."
NOT_MEASURABLE = "“{term}” cannot be measured from stain and texture; a vision–language model may know it"
NEEDS_HE = "“{term}” needs haematoxylin and eosin, and this slide looks like {stain}"
NEEDS_BROWN = "“{term}” needs a brown chromogen; this slide looks like {stain}: ask for “pigment” instead"
NO_TEXT_QUERIES = "{title} does not accept text queries; {other} does"
