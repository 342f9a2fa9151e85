"""Where Foveola's own files go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import platformdirs

from viewer.common import paths as folders

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_one_variable_moves_everything(own_folders: Path) -> None:
    places = [place() for place in folders.OWN_FOLDERS]
    assert {place.parent for place in places} == {own_folders}
    assert len(set(places)) == 5


def test_otherwise_the_usual_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(folders.HOME_VARIABLE)
    assert folders.config_dir() == platformdirs.user_config_path("foveola", appauthor=False)
    assert folders.cache_dir() == platformdirs.user_cache_path("foveola", appauthor=False)


def test_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(folders.HOME_VARIABLE, "")
    assert folders.config_dir().is_absolute()
