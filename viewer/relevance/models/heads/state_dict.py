"""Loading the weights of a file into the module of a slide head: plain names, no weight left random."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

from viewer.relevance.models.heads import strings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import Tensor, nn

    Head = TypeVar("Head", bound=nn.Module)
else:
    Head = TypeVar("Head")


class NotThisHead(Exception):
    """A slide head of a known kind that cannot be computed from these weights, and the reason."""


def plain_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Without the prefixes that wrappers for training and hubs add to the names of layers."""
    return {name.removeprefix("model.").replace(".module.", "."): tensor for name, tensor in tensors.items()}


def filled(make: Callable[[], Head], tensors: Mapping[str, Tensor]) -> Head:
    """The module with exactly these weights as float32, ready to read, without gradients.

    Raises NotThisHead where one is missing, left over or of another shape.
    """
    try:
        with torch.device("meta"):  # no memory, no random numbers
            head = make()
        head.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, assign=True)
    except (RuntimeError, ValueError, AssertionError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise NotThisHead(strings.LAYERS_DO_NOT_FIT.format(error=lines[-1][:160])) from error
    return head.eval().requires_grad_(False)
