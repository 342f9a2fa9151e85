"""What this room says to the reader; ``{name}`` stands for a value."""

from __future__ import annotations

# Notes on an analysis.
NOT_SAVED = "What was measured could not be saved: {error}."
CPU_USED = "{error}. The CPU is used, more slowly."
CPU_CONTINUES = "{error}. The CPU goes on, more slowly."
SMALLER_BLOCKS = "The memory of the graphics processor is full: smaller blocks are analysed."
UNREAD = {
    True: "1 patch could not be read: not analysed.",
    False: "{count:,} patches could not be read: not analysed.",
}
"""By whether there is one."""

# Parts of patches.
BEST_PART = "{count:,} patches, mixed or uncertain, by the best of their squares of {um:g} µm"

# Attention.
NO_ATTENTION = "{title} has no attention maps"
NO_OVERLAPS = "{title} does not compare parts of a patch: no overlap pass was run."
EVEN_ATTENTION = "Attention is uniform; no overlap pass was run."

# Pixel sizes.
ESTIMATED_PIXEL_SIZE = (
    "{slide} states no pixel size: ≈ {mpp_um:.2g} µm, between {low_um:.2g} and {high_um:.2g}, is {reason}; "
    "--mpp sets it."
)
PIXEL_SIZE_OF_READER = "{slide}: a pixel size of {size}, {origin}, is used; --mpp sets it."
WRONG_PIXEL_SIZE = "{path}: {error}; --mpp sets it"
UNKNOWN_PIXEL_SIZE = "{path}: it states no pixel size, and none can be estimated ({reason}); give --mpp"

# Encoders that cannot be used for this.
IS_A_HEAD = (
    "{encoder} is a slide head: foveola heatmap shows its maps; it reads the features of the encoder {base}"
)

# Queries.
EMPTY_QUESTION = "there is nothing to look for: give words, or an example with --like"
SUCH_TERMS = "{problems} What can be asked: {terms}."
SUCH_AS = ("adipose tissue", "lymphocytes", "necrosis", "glands near stroma", "tumour without blood")
EXAMPLE_OUTSIDE = "the example at {x:.12g},{y:.12g} is not on the slide"
NOTHING_READ = "no patch with tissue could be read, of {count:,}"
NO_EXAMPLE_ANALYSED = "none of the examples shows tissue that could be analysed"
EXAMPLES_NOT_COMPARED = "the examples cannot be compared: {error}"
UNKNOWN_EXAMPLE = "an example is not among the {count} analysed patches"
EXAMPLES_PENDING = "no example has been analysed yet"

# Many slides.
NO_SCHEDULER = "{scheduler}: no Dask scheduler answers there ({error})"
NO_PROCESSES = "no process of its own can be started for the slides: {error}"
PROCESS_ENDED = "{path}: its process ended ({error})"
PROCESS_DIED = (
    "{path}: the process that analyses it was ended {count} times by the file or by the system, for lack of "
    "memory for one; it is left out"
)
