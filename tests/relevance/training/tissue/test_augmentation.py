"""Views of patches as other laboratories and scanners would show them."""

from __future__ import annotations

import numpy as np
import torch

from viewer.relevance.training.tissue.augmentation import augmented, middle
from viewer.relevance.training.tissue.patches import CUT_PX


def cuts(count: int) -> torch.Tensor:
    """Light patches with a dark disc in the middle."""
    y, x = np.mgrid[:CUT_PX, :CUT_PX] - CUT_PX / 2
    one = np.where((x**2 + y**2 < 20**2)[None], 60, 200).astype(np.uint8).repeat(3, axis=0)
    return torch.from_numpy(one).repeat(count, 1, 1, 1)


def test_the_same_random_numbers_give_the_same_views() -> None:
    one, same, other = (augmented(cuts(8), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))

    assert one.shape == (8, 3, 128, 128)
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_what_is_shown_stays_near_the_middle() -> None:
    views = augmented(cuts(32), torch.Generator().manual_seed(3)).mean(dim=1)

    inside, border = views[:, 56:72, 56:72].mean(dim=(1, 2)), views[:, :8].mean(dim=(1, 2))
    assert (inside < border).all()


def test_stains_differ_between_views() -> None:
    views = augmented(cuts(32), torch.Generator().manual_seed(4))
    colours = views[:, :, 60:68, 60:68].mean(dim=(2, 3))

    assert colours.std(dim=0).min() > 0.02
    assert views.min() > -0.2
    assert views.max() < 1.2


def test_some_batches_have_no_view_out_of_focus() -> None:
    edges = [
        augmented(cuts(1), torch.Generator().manual_seed(seed)).mean(dim=1).diff(dim=2).abs().max()
        for seed in range(12)
    ]

    assert max(edges) > 2 * min(edges)


def test_the_middle_is_the_patch_itself() -> None:
    assert torch.equal(middle(cuts(2)), cuts(2)[:, :, 16:144, 16:144] / 255)
