"""What reports say."""

from __future__ import annotations

MOST_PROBLEMS = 20
SLIDE = "slide {number}"
NO_PROTOCOL = "The protocol {name} could not be used, so that differences are not listed: {error}"
LIMITS = (
    "What was not analysed may hold anything: nothing here says that a lesion is absent.",
    "“Displayed” means that tissue was on the screen, sharp, at rest and under nothing else; "
    "whether anybody looked at it is not known.",
    "Scores compare places with what the model was made for. They are no probability of disease unless the "
    "unit says so.",
)
NOT_CALIBRATED = "The thresholds of this protocol were not calibrated on slides of this laboratory."
CHANGED = "it has changed since it was read; pictures of another slide would mislead"
NO_PICTURE = "the picture could not be made: {error}"
NOT_UNPACKED = "what was displayed of it cannot be read: {error}"
CUT = "… (the whole text stands in the JSON report)"
PIXELS_UNKNOWN = "pixel size unknown"
NO_NAME_FOR_KIND = "{path}: a report ends in .pdf, .html or .json"

# Templates.
TEMPLATE_FAILED = "{file}, line {line}: {error}. No report was written."
NO_TEMPLATE = "{folder}: there is no {name} there. A folder of templates has one; see the guide."
NO_FOLDER = "{folder}: there is no such folder of templates."
NO_STATEMENT = "{file}: the report does not hold the words “{statement}”. Put them in. No report was written."
TOO_MUCH = "a text or list of more than {most} is made"

# PDF.
NO_LIBRARY = (
    "PDF needs WeasyPrint and its system libraries: pip install 'foveola[report]' and Pango "
    "(Debian: libpango-1.0-0 libpangoft2-1.0-0). "
    "Or write a report that ends in .html and print that. ({error})"
)
NOT_MADE = "{path}: the PDF could not be made: {error}"
