"""Slide heads from files: attention pools, TransMIL, SPAN, recognised by their keys and shapes.

The error for another file names its kind of model, because the wrong file is the usual mistake. Reading is
restricted to tensors (``checkpoint``); a head is never made with weights that the file does not contain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viewer.relevance.models.checkpoint import CheckpointError, kind_of_model, read_tensors
from viewer.relevance.models.heads import strings
from viewer.relevance.models.heads.gated_layouts import gated_head
from viewer.relevance.models.heads.span import SpanHead, span_shape
from viewer.relevance.models.heads.state_dict import NotThisHead, filled, plain_names
from viewer.relevance.models.heads.transmil import TransMilHead, transmil_shape

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from viewer.relevance.models.heads.slide_head import SlideHead


def load_slide_head(path: Path, *, feature_width: int | None = None) -> SlideHead:
    """The slide head in a file, on the CPU, ready to read and without gradients.

    ``feature_width``: the number of values per patch that it must read; None: any.
    Raises CheckpointError: what ``read_tensors`` refuses, a file of another model (named), a head with parts
    that are missing, unknown or do not fit, or one for features of another width.
    """
    tensors = plain_names(read_tensors(path))
    empty = next((name for name, tensor in tensors.items() if not tensor.numel()), None)
    if empty is not None:
        raise CheckpointError(path, strings.EMPTY_TENSOR.format(name=empty))
    head = _head(path, tensors)
    if feature_width is not None and head.feature_width != feature_width:
        raise CheckpointError(
            path,
            strings.OTHER_WIDTH.format(layout=head.layout, expected=head.feature_width, found=feature_width),
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
        raise CheckpointError(path, strings.UNUSABLE.format(reason=error)) from error
    if pool is not None:
        return pool
    found = kind_of_model(tensors)
    if found is None:
        names = ", ".join(sorted(tensors)[:3])
        found = strings.UNKNOWN_MODEL.format(count=len(tensors), names=names)
    raise CheckpointError(path, strings.OTHER_MODEL.format(found=found, expected=strings.EXPECTED))
