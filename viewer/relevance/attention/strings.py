"""User-visible texts on attention; ``{name}`` is filled with a value."""

from __future__ import annotations

ONE_PATCH_SKIPPED = "1 patch gave invalid values and was skipped."
PATCHES_SKIPPED = "{count:,} patches gave invalid values and were skipped."
NO_HEAD = "there is no head {head}; choose {mean}, {max} or a number from 1 to {heads}"
NO_OTHER_HEAD = "there is no head {head}; there is one alone, which is also {mean} and {max}"
TOO_LARGE = "the attention of {patches:,} patches needs {gib} GiB of memory; at most {most_gib} GiB are used"
