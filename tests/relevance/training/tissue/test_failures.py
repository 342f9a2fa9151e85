"""Which patches of test slides are shown as failures, and their sheet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.relevance.training.tissue.made_logits import made_slide
from viewer.relevance.encoders.tissue.classes import class_indices, tissue_classes
from viewer.relevance.training.tissue.failures import Failure, failures, sheet

if TYPE_CHECKING:
    from viewer.relevance.training.tissue.patches import SlidePatches


def probabilities(slides: list[SlidePatches], *, seed: int = 3) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {
        one.slide.name: random.dirichlet(np.ones(len(tissue_classes())), len(one.labels)) for one in slides
    }


def test_the_worst_come_first_and_no_slide_fills_the_list() -> None:
    free = [made_slide(f"free {number}", "lymphoid", tumour_free=True) for number in range(5)]
    ill = [made_slide(f"ill {number}", "carcinoma", "adipose") for number in range(3)]
    given = probabilities([*free, *ill])
    tumours = [number for number, one in enumerate(tissue_classes()) if one.tumour]
    highest = max(float(given[one.slide.name][:, tumours].sum(axis=1).max()) for one in free)

    found = failures([*free, *ill], given)

    alarms, missed = [one for one in found if not one.is_tumour], [one for one in found if one.is_tumour]
    assert found == [*alarms, *missed]
    assert (len(alarms), len(missed)) == (8, 6)
    assert alarms[0].probability == highest
    assert [one.probability for one in missed] == sorted(one.probability for one in missed)
    assert {one.tissue for one in missed} == {tissue_classes()[class_indices()["carcinoma"]].title}
    assert max(sum(one.slide == name for one in found) for name in {one.slide for one in found}) == 2


def test_slides_of_neither_kind_have_no_failures() -> None:
    slides = [made_slide("unknown", "adipose")]
    assert failures(slides, probabilities(slides)) == []


def test_the_sheet_shows_each_patch_at_its_number() -> None:
    found = [
        Failure("a slide", "", False, "", 1.0, np.full((32, 32, 3), grey, np.uint8))
        for grey in range(40, 130, 10)
    ]

    with Image.open(io.BytesIO(sheet(found))) as picture:
        pixels = np.asarray(picture)

    step_x, step_y = pixels.shape[1] // 8, pixels.shape[0] // 2
    assert pixels[30, 10, 0] == 40
    assert pixels[30, 10 + step_x, 0] == 50
    assert pixels[30 + step_y, 10, 0] == 120
