"""Slide heads from files: attention pools, TransMIL, SPAN, recognised by their keys and shapes.

What a file is if it is no slide head is said too, because the wrong file is the usual mistake. Reading is
restricted to tensors (``checkpoint``); a head is never made with weights that the file does not hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.models.checkpoint import CheckpointError, read_tensors, what_it_is
from viewer.relevance.models.heads.gated_layouts import gated_head
from viewer.relevance.models.heads.span import SpanHead, span_shape
from viewer.relevance.models.heads.state_dict import NotThisHead, filled, plain_names
from viewer.relevance.models.heads.transmil import TransMilHead, transmil_shape

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from viewer.relevance.models.heads.slide_head import SlideHead

EXPECTED = "an attention pool (CLAM, ABMIL, MIL-Lab, HIPT slide stage, CHIEF), TransMIL or SPAN"


def load_slide_head(path: Path, *, feature_width: int | None = None) -> SlideHead:
    """The slide head in a file, on the CPU, ready to read and without gradients.

    ``feature_width``: how many values the features have that it shall read; None: any.
    Raises CheckpointError: what ``read_tensors`` refuses, a file that is something else (said what), a head
    whose parts are missing, unknown or do not fit, or one for features of another width.
    """
    tensors = plain_names(read_tensors(path))
    empty = next((name for name, tensor in tensors.items() if not tensor.numel()), None)
    if empty is not None:
        raise CheckpointError(path, f"{empty} is empty; the file is damaged")
    head = _head(path, tensors)
    if feature_width is not None and head.feature_width != feature_width:
        raise CheckpointError(
            path,
            f"its head ({head.layout}) reads {head.feature_width} values a patch and the features have "
            f"{feature_width}: it was trained on another encoder's",
        )
    return head


def _head(path: Path, tensors: dict[str, Tensor]) -> SlideHead:
    try:
        span, transmil = span_shape(tensors), transmil_shape(tensors)
        if span is not None:
            return filled(lambda: SpanHead(span), tensors)
        if transmil is not None:
            return filled(lambda: TransMilHead(transmil), tensors)
        pool = gated_head(tensors)
    except NotThisHead as error:
        raise CheckpointError(path, f"its slide head cannot be used: {error}") from error
    if pool is not None:
        return pool
    known = what_it_is(tensors)
    if known is None:
        names = ", ".join(sorted(tensors)[:3])
        known = f"none of the slide heads that are known; it holds {len(tensors)} tensors ({names}, …)"
    raise CheckpointError(path, f"this is {known}; expected was {EXPECTED}")
