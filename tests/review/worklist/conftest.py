"""Worklists to test on, in either database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from viewer.review.worklist.case import CaseSlide
from viewer.review.worklist.new_case import NewCase
from viewer.review.worklist.worklist import Worklist

if TYPE_CHECKING:
    from collections.abc import Callable

    from viewer.review.database.record import Record


@pytest.fixture
def worklist(record: Record) -> Worklist:
    return Worklist(record)


@pytest.fixture
def add(worklist: Worklist) -> Callable[..., str]:
    """``add(title, …)``: a new case of one slide; its id."""

    def added(title: str, **more: str) -> str:
        slide = CaseSlide(f"/slides/{title}.svs", site=more.pop("site", ""), stain=more.pop("stain", ""))
        return worklist.add([NewCase(title, (slide,), **more)], "r1").ids[0]

    return added
