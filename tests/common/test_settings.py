"""Settings: loading over defaults, every refusal with its reason, saving only what differs."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import pytest

from tests.messages import pattern
from viewer.common import strings
from viewer.common.atomic_write import SaveError
from viewer.common.settings import (
    LEAST_RANGE,
    Choice,
    Display,
    Limits,
    Memory,
    Settings,
    SettingsError,
    Viewing,
    settings_path,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_defaults_are_those_of_the_design() -> None:
    settings = Settings.default()
    assert settings.memory.cpu_cache_bytes == 320 * 1024 * 1024
    assert settings.memory.gpu_cache_bytes == 400 * 1024 * 1024
    assert settings.streaming.upload_budget_moving_ms == 3
    assert settings.streaming.upload_budget_rest_ms == 12
    assert settings.display.theme == "system"
    assert settings.shortcuts == {}


def test_no_file_means_defaults() -> None:
    assert not settings_path().exists()
    assert Settings.load() == Settings.default()


def test_file_is_laid_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('[display]\ntheme = "dark"\nscreen_distance_cm = 70\n[shortcuts]\nfit = "Home"\n')
    settings = Settings.load(file)
    assert settings.display == dataclasses.replace(
        Settings.default().display, theme="dark", screen_distance_cm=70.0
    )
    assert type(settings.display.screen_distance_cm) is float
    assert settings.shortcuts == {"fit": "Home"}
    assert settings.memory == Settings.default().memory


def wrong_kind(name: str, kind: type, value: object) -> str:
    return strings.SETTING_KIND.format(name=name, kind=strings.SETTING_KINDS[kind], value=value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[display]\ntheme = "pink"',
            strings.SETTING_CHOICE.format(name="display.theme", options="system, light, dark", value="pink"),
        ),
        (
            "[memory]\ncpu_cache_bytes = 5",
            strings.SETTING_RANGE.format(
                name="memory.cpu_cache_bytes", low=32 * 2**20, high=64 * 2**30, value=5
            ),
        ),
        (
            "[memory]\ncpu_cache_bytes = 4e8",
            wrong_kind("memory.cpu_cache_bytes", int, 4e8),
        ),
        (
            "[streaming]\nfade_ms = nan",
            strings.SETTING_RANGE.format(name="streaming.fade_ms", low=0, high=1000, value=float("nan")),
        ),
        ("[streaming]\nfade_ms = true", wrong_kind("streaming.fade_ms", float, True)),
        ("[streaming]\nprefetch = 1", wrong_kind("streaming.prefetch", bool, 1)),
        (
            "[relevance]\nstore_bytes = 1",
            strings.SETTING_RANGE.format(
                name="relevance.store_bytes", low=256 * 2**20, high=16 * 2**40, value=1
            ),
        ),
        (
            '[gaze]\nsource = "mind"',
            strings.SETTING_CHOICE.format(
                name="gaze.source", options="pointer, tracker, recording, off", value="mind"
            ),
        ),
        (
            "[overlay]\nopacity = 0",
            strings.SETTING_RANGE.format(name="overlay.opacity", low=0.1, high=1, value=0.0),
        ),
        (
            "[overlay]\nlow = 0.5\nhigh = 0.52",
            f"overlay.{strings.SETTING_RANGE_ENDS.format(least=LEAST_RANGE, low=0.5, high=0.52)}",
        ),
        ("[overlay]\nfill = false", f"overlay.{strings.SETTING_NOTHING_DRAWN}"),
        ("[viewing]\nlast_folder = 1", wrong_kind("viewing.last_folder", str, 1)),
        ("[shortcuts]\nfit = 1", strings.SHORTCUT_KEY.format(action="fit", key=1)),
        ("memory = 3", strings.SETTING_TABLE.format(name="memory")),
    ],
)
def test_what_is_not_allowed_names_file_key_and_range(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        Settings.load(file)
    assert str(caught.value) == f"{file}: {message}"


def test_a_syntax_error_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[memory")
    with pytest.raises(SettingsError, match=pattern(strings.SETTINGS_NOT_TOML, path=file)):
        Settings.load(file)


def test_not_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=pattern(strings.SETTINGS_NOT_TOML, path=file)):
        Settings.load(file)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=pattern(strings.SETTINGS_UNREADABLE, path=tmp_path)):
        Settings.load(tmp_path)


def test_unknown_keys_are_logged_and_ignored(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[display]\nholograms = true\n[telepathy]\non = true\n")
    with caplog.at_level(logging.WARNING, "foveola.settings"):
        assert Settings.load(file) == Settings.default()
    assert f"{file}: unknown setting display.holograms is ignored" in caplog.messages
    assert f"{file}: unknown setting telepathy is ignored" in caplog.messages


def test_saving_writes_only_what_differs_and_loads_again() -> None:
    settings = (
        Settings.default()
        .replace("display", theme="light", invert_wheel=True)
        .replace("streaming", fade_ms=0)
        .replace("viewing", last_folder='C:\\slides "of"\x7f May\nµ')
        .replace("shortcuts", **{"go to": "Ctrl+G"})
    )
    settings.save()
    text = settings_path().read_text(encoding="utf-8")
    assert "cpu_cache_bytes" not in text
    assert "kinetic_pan" not in text
    assert Settings.load() == settings


def test_saving_defaults_leaves_no_values() -> None:
    Settings.default().save()
    assert settings_path().read_text().strip().startswith("#")
    assert "=" not in settings_path().read_text()


def test_what_a_person_wrote_stays(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        '# mine\n[display] # screen\ntheme = "dark" # at night\nicc = false\n\n'
        "[future]\nx = 1 # whatever\n\n[gaze]\nsource = 'off'\n"
    )
    changed = (
        Settings.load(file).replace("display", theme="light", icc=True).replace("gaze", source="pointer")
    )
    changed.save(file)
    assert file.read_text() == (
        '# mine\n[display] # screen\ntheme = "light" # at night\n\n[future]\nx = 1 # whatever\n\n[gaze]\n'
    )
    assert Settings.load(file) == changed


@pytest.mark.parametrize(
    "text",
    [
        "nonsense [",
        "display = 3\n",
        "[[display]]\n",
        "display.icc = false\n# one key\n[gaze]\n",
        "display = {theme = 'dark', icc = false}\n",
        "display.theme = 'dark'\n# in pieces\ndisplay.icc = false\n[gaze]\nsource = 'off'\n",
        "[display]\ntheme = 'dark'\n[gaze]\nsource = 'off'\n[display.more]\nx = 1\n",
        "[shortcuts]\nfit = 'F'\n",
        "[display]\ntheme = 'dark'\ntheme = 'light'\n",
        pytest.param("a = " + "[" * 5000, id="nested"),
    ],
)
def test_whatever_the_file_was_what_is_saved_loads_again(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.toml"
    default = Settings.default()
    for settings in (default.replace("display", theme="light", kinetic_pan=False), default):
        file.write_text(text)
        settings.save(file)
        assert Settings.load(file) == settings


def test_a_deeply_nested_file_is_refused_as_no_toml(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("a = " + "[" * 5000)
    with pytest.raises(SettingsError, match=pattern(strings.SETTINGS_NOT_TOML, path=file)):
        Settings.load(file)


def test_a_refused_file_is_kept_beside_it_where_it_can_be(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("nonsense [")
    kept = Settings.keep_refused(file)
    assert kept is not None
    assert kept.read_text() == "nonsense ["
    kept.unlink()
    kept.mkdir()
    assert Settings.keep_refused(file) is None


def test_saving_where_it_cannot_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match=pattern(strings.FOLDER_IN_PLACE_OF_FILE)):
        Settings.default().save(tmp_path)


def test_replace_keeps_the_rest_and_checks() -> None:
    settings = Settings.default()
    changed = settings.replace("streaming", decode_threads=3)
    assert changed.streaming.decode_threads == 3
    assert changed.display == settings.display
    assert settings.streaming.decode_threads == 0
    out_of_range = strings.SETTING_RANGE.format(name="decode_threads", low=0, high=64, value=65)
    with pytest.raises(SettingsError, match=pattern(out_of_range)):
        settings.replace("streaming", decode_threads=65)
    with pytest.raises(TypeError):
        settings.replace("streaming", no_such_name=1)
    with pytest.raises(SettingsError, match=r"shortcuts\.fit"):
        settings.replace("shortcuts", fit=None)


def test_frozen_all_the_way() -> None:
    settings = Settings.default()
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.memory.cpu_cache_bytes = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        settings.shortcuts["fit"] = "F"  # type: ignore[index]


def test_rules_are_there_for_the_preferences_dialog() -> None:
    assert Display.rule("theme") == Choice(("system", "light", "dark"))
    assert isinstance(Memory.rule("cpu_cache_bytes"), Limits)
    assert Viewing.rule("last_folder") is None
    with pytest.raises(KeyError):
        Memory.rule("no_such_name")


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ({}, {"low": 0.4}, {"low": 0.4, "high": 1.0}),
        ({"high": 0.5}, {"low": 0.6}, {"low": 0.6, "high": 0.65}),
        ({"low": 0.5}, {"high": 0.3}, {"low": 0.25, "high": 0.3}),
        ({}, {"fill": False}, {"fill": False, "contours": True}),
        ({"fill": False, "contours": True}, {"contours": False}, {"fill": True, "contours": False}),
        ({"contours": True}, {"contours": False}, {"fill": True, "contours": False}),
    ],
)
def test_a_choice_moves_what_it_excludes(
    before: dict[str, Any], changes: dict[str, Any], after: dict[str, Any]
) -> None:
    overlay = dataclasses.replace(Settings.default().overlay, **before)
    assert overlay.changed(**changes) == dataclasses.replace(overlay, **after)
