"""The reader's settings: budgets, limits and preferences, as one frozen object loaded from TOML.

The defaults live in ``resources/default_settings.toml``; the user's file holds only what differs from them,
so that better defaults of a later version reach everyone. The type of a field holds its allowed values.
"""

from __future__ import annotations

import dataclasses
import logging
import shutil
import tomllib
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Self, TypeVar, get_args, get_type_hints

from viewer.common import strings
from viewer.common.atomic_write import save_atomically
from viewer.common.errors import FoveolaError
from viewer.common.paths import config_dir

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = logging.getLogger("foveola.settings")

MIB = 1024 * 1024
LEAST_RANGE = 0.05
"""Of likeness, between the first colour of an overlay and the last."""
G = TypeVar("G", bound="_Group")


class SettingsError(FoveolaError, ValueError):
    """A setting with a value that is not allowed, or a settings file that cannot be read."""


class Limits(NamedTuple):
    """The smallest and the largest allowed value of a number."""

    low: float
    high: float


class Choice(NamedTuple):
    """The allowed values of a text."""

    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """A table of the settings file. Values are checked as the object is made."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self), include_extras=True).items():
            object.__setattr__(self, name, _checked(name, getattr(self, name), hint))

    @classmethod
    def rule(cls, name: str) -> Limits | Choice | None:
        """The allowed values of a field, None for all of its type. Raises KeyError for an unknown name."""
        return _kind_and_rule(get_type_hints(cls, include_extras=True)[name])[1]


@dataclass(frozen=True, slots=True)
class Memory(_Group):
    """Bounds on memory, in bytes and pixels."""

    cpu_cache_bytes: Annotated[int, Limits(32 * MIB, 64 * 1024 * MIB)]
    gpu_cache_bytes: Annotated[int, Limits(64 * MIB, 32 * 1024 * MIB)]
    plain_image_max_px: Annotated[int, Limits(1_000_000, 4_000_000_000)]


@dataclass(frozen=True, slots=True)
class Streaming(_Group):
    """How tiles are loaded. ``decode_threads`` 0 means one less than there are cores, at least 1."""

    upload_budget_moving_ms: Annotated[float, Limits(0.5, 50)]
    upload_budget_rest_ms: Annotated[float, Limits(0.5, 100)]
    decode_threads: Annotated[int, Limits(0, 64)]
    fade_ms: Annotated[float, Limits(0, 1000)]
    prefetch: bool


@dataclass(frozen=True, slots=True)
class Display(_Group):
    """The reader's screen, and the look and response of the window.

    ``font_percent`` of the system's font size. ``surround`` is the colour around the slide: "theme" is dark
    with the dark theme and else the slide's own background, as "slide" always is.
    """

    theme: Annotated[str, Choice(("system", "light", "dark"))]
    font_percent: Annotated[int, Limits(75, 250)]
    surround: Annotated[str, Choice(("theme", "slide", "white", "grey", "black"))]
    icc: bool
    screen_diagonal_inch: Annotated[float, Limits(5, 200)]
    screen_distance_cm: Annotated[float, Limits(10, 1000)]
    invert_wheel: bool
    kinetic_pan: bool


@dataclass(frozen=True, slots=True)
class Viewing(_Group):
    """Habits. ``last_folder`` is where the last slide was opened from, "" before the first."""

    last_folder: str


@dataclass(frozen=True, slots=True)
class Relevance(_Group):
    """How slides are analysed and searched.

    ``encoder`` is the ID of the one in use, "" one that needs no choice; ``accepted_encoders`` lists,
    separated by spaces, those with terms that the reader has accepted. ``worker_threads`` 0 leaves one core
    to the window.
    """

    encoder: str
    accepted_encoders: str
    store_bytes: Annotated[int, Limits(256 * MIB, 16 * 1024 * 1024 * MIB)]
    analyse_ahead: bool
    worker_threads: Annotated[int, Limits(0, 256)]
    steers_loading: bool


@dataclass(frozen=True, slots=True)
class Overlay(_Group):
    """How relevance is drawn over the slide. ``threshold``: likeness below it is not drawn. ``low`` and
    ``high``: the likeness that has the first and the last colour. ``fill`` or ``contours``, or both."""

    colour_map: Annotated[str, Choice(("viridis", "cividis", "magma", "teal", "ember"))]
    opacity: Annotated[float, Limits(0.1, 1)]
    threshold: Annotated[float, Limits(0, 1)]
    low: Annotated[float, Limits(0, 1 - LEAST_RANGE)]
    high: Annotated[float, Limits(LEAST_RANGE, 1)]
    fill: bool
    contours: bool
    smooth: bool
    flashlight: bool
    flashlight_px: Annotated[float, Limits(40, 2000)]

    def __post_init__(self) -> None:
        _Group.__post_init__(self)
        if round(self.high - self.low, 6) < LEAST_RANGE:
            raise SettingsError(
                strings.SETTING_RANGE_ENDS.format(least=LEAST_RANGE, low=self.low, high=self.high)
            )
        if not (self.fill or self.contours):
            raise SettingsError(strings.SETTING_NOTHING_DRAWN)

    def changed(self, **changes: Any) -> Self:
        """With some values changed, and others moved along where both exclude each other."""
        if "low" in changes:
            changes.setdefault("high", max(self.high, round(changes["low"] + LEAST_RANGE, 6)))
        if "high" in changes:
            changes.setdefault("low", min(self.low, round(changes["high"] - LEAST_RANGE, 6)))
        for off, other in (("fill", "contours"), ("contours", "fill")):
            if not changes.get(off, True):
                changes.setdefault(other, True)
        return dataclasses.replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Gaze(_Group):
    """The source of the reader's gaze, which orders loading and analysis only and is never stored.

    ``recording`` is a CSV file (t_s, x, y[, radius_deg]; x and y as shares of the display). Radii in degrees
    of visual angle: the error of the source.
    """

    source: Annotated[str, Choice(("pointer", "tracker", "recording", "off"))]
    recording: str
    pointer_radius_deg: Annotated[float, Limits(0, 20)]
    tracker_radius_deg: Annotated[float, Limits(0, 20)]


_GROUPS: dict[str, type[Any]] = {
    group.__name__.lower(): group for group in (Memory, Streaming, Display, Viewing, Relevance, Overlay, Gaze)
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the reader can choose. ``shortcuts``: action to key; other actions keep their usual keys."""

    memory: Memory
    streaming: Streaming
    display: Display
    viewing: Viewing
    relevance: Relevance
    overlay: Overlay
    gaze: Gaze
    shortcuts: Mapping[str, str]

    @classmethod
    def default(cls) -> Self:
        """The settings of a fresh start."""
        return cls._from_tables(_default_tables())

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """The user's file (None: the usual one) over the defaults; the defaults alone where there is no file.

        Unknown keys, which a later version may have written, are logged and ignored.
        Raises SettingsError naming the file, the key and what is allowed.
        """
        file = path or settings_path()
        try:
            chosen = tomllib.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return cls.default()
        except OSError as error:
            raise SettingsError(
                strings.SETTINGS_UNREADABLE.format(path=file, reason=error.strerror)
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SettingsError(strings.SETTINGS_NOT_TOML.format(path=file, error=error)) from error
        try:
            return cls._from_tables(_merged(_default_tables(), chosen, file))
        except SettingsError as error:
            raise SettingsError(strings.FILE_ERROR.format(path=file, reason=error)) from error

    @staticmethod
    def keep_refused(path: Path | None = None) -> Path | None:
        """A copy of a settings file that cannot be used, beside it, for ``save`` will write over the file.
        None where none could be made.
        """
        file = path or settings_path()
        kept = file.with_name(f"{file.name}.refused")
        try:
            shutil.copyfile(file, kept)
        except OSError as error:
            log.warning("%s was not copied: %s", file, error)
            return None
        return kept

    def replace(self, group: str, /, **changes: Any) -> Self:
        """These settings with some values of one group changed: ``replace("display", theme="dark")``.

        For shortcuts, ``replace("shortcuts", fit="Home")`` sets one key and keeps the others.
        Raises SettingsError for a value that is not allowed, TypeError for a name that does not exist.
        """
        old = getattr(self, group)
        if group == "shortcuts":
            return dataclasses.replace(self, shortcuts=_checked_shortcuts({**old, **changes}))
        changed: dict[str, Any] = {group: dataclasses.replace(old, **changes)}
        return dataclasses.replace(self, **changed)

    def save(self, path: Path | None = None) -> None:
        """Write what differs from the defaults to the user's file (None: the usual one). Raises SaveError.

        The comments and unknown keys of the file stay, unless it is TOML that cannot be edited.
        """
        from tomlkit.exceptions import TOMLKitError  # slow to import, and loading does without

        file = path or settings_path()
        try:
            text = self._written_into(file.read_text(encoding="utf-8"))
        # A file that is damaged, or whose tables are in pieces that tomlkit cannot edit.
        except (OSError, ValueError, LookupError, RecursionError, TOMLKitError):
            text = self._written_into(f"{strings.SETTINGS_FILE_HEADER}\n")
        save_atomically(file, text.encode())

    def _written_into(self, text: str) -> str:
        """The text of a settings file with these values. Raises ValueError, LookupError and TOMLKitError."""
        import tomlkit

        document, defaults = tomlkit.parse(text), _default_tables()
        for name, values in self._tables().items():
            changed = {key: value for key, value in values.items() if value != defaults[name].get(key)}
            table = document.get(name)
            if isinstance(table, dict):
                ours = table if name == "shortcuts" else values
                for key in [key for key in table if key in ours and key not in changed]:
                    del table[key]
                table.update({key: value for key, value in changed.items() if table.get(key) != value})
            else:
                document.pop(name, None)
                document.update({name: changed} if changed else {})
        text = tomlkit.dumps(document)
        if tomllib.loads(text) != document.unwrap():
            raise ValueError("tomlkit wrote something else")
        return text

    @classmethod
    def _from_tables(cls, tables: dict[str, dict[str, Any]]) -> Self:
        groups = {name: _made(name, group, tables) for name, group in _GROUPS.items()}
        return cls(**groups, shortcuts=_checked_shortcuts(tables["shortcuts"]))

    def _tables(self) -> dict[str, dict[str, Any]]:
        groups = {name: dataclasses.asdict(getattr(self, name)) for name in _GROUPS}
        return groups | {"shortcuts": dict(self.shortcuts)}


def settings_path() -> Path:
    """The user's settings file. May not exist."""
    return config_dir() / "settings.toml"


def _default_tables() -> dict[str, dict[str, Any]]:
    text = resources.files("resources").joinpath("default_settings.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _merged(
    defaults: dict[str, dict[str, Any]], chosen: dict[str, Any], file: Path
) -> dict[str, dict[str, Any]]:
    """The default tables with the user's values in them; unknown tables and keys are logged and left out."""
    for name, values in chosen.items():
        if name not in defaults:
            log.warning("%s: unknown setting %s is ignored", file, name)
            continue
        if not isinstance(values, dict):
            raise SettingsError(strings.SETTING_TABLE.format(name=name))
        for key, value in values.items():
            if name == "shortcuts" or key in defaults[name]:
                defaults[name][key] = value
            else:
                log.warning("%s: unknown setting %s.%s is ignored", file, name, key)
    return defaults


def _made(name: str, group: type[G], tables: dict[str, dict[str, Any]]) -> G:
    try:
        return group(**tables[name])
    except SettingsError as error:
        raise SettingsError(f"{name}.{error}") from error


def _kind_and_rule(hint: Any) -> tuple[Any, Limits | Choice | None]:
    kind, *rules = get_args(hint) or (hint,)
    return kind, (rules[0] if rules else None)


def _checked(name: str, value: Any, hint: Any) -> Any:
    """The value, as a float where the field is one. Raises SettingsError where type or range is wrong."""
    kind, rule = _kind_and_rule(hint)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind:
        expected = strings.SETTING_KINDS[kind]
        raise SettingsError(strings.SETTING_KIND.format(name=name, kind=expected, value=value))
    if isinstance(rule, Limits) and not rule.low <= value <= rule.high:
        raise SettingsError(
            strings.SETTING_RANGE.format(name=name, low=rule.low, high=rule.high, value=value)
        )
    if isinstance(rule, Choice) and value not in rule.options:
        options = ", ".join(rule.options)
        raise SettingsError(strings.SETTING_CHOICE.format(name=name, options=options, value=value))
    return value


def _checked_shortcuts(shortcuts: dict[str, Any]) -> Mapping[str, str]:
    for action, key in shortcuts.items():
        if not isinstance(key, str):
            raise SettingsError(strings.SHORTCUT_KEY.format(action=action, key=key))
    return MappingProxyType(shortcuts)
