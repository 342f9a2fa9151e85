"""The layers over one slide view and their legend, each layer under the name that its producer gave it.

Search, attention and maps put layers of their own; each changes and removes its own only.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from viewer.ui.overlays.tissue_reader import TissueReader

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from viewer.overlay.layer import OverlayLayer, OverlayLook
    from viewer.overlay.legend_entry import LegendEntry
    from viewer.ui.canvas.slide_view import SlideView
    from viewer.ui.overlays.legend import Legend


@dataclass(slots=True)
class _Laid:
    """How a layer is drawn, None where its producer draws it, and its entry in the legend."""

    look: OverlayLook | None
    entry: LegendEntry
    visible: bool = True
    """Of what its producer draws; else the look says it."""

    @property
    def shown(self) -> bool:
        return self.visible if self.look is None else self.look.visible


class OverlayLayers(QObject):
    """Hands layers to the view and entries to its legend; layers go with their slide."""

    changed = Signal()
    look_chosen = Signal(str, object)
    """The reader chose another OverlayLook for the layer of this name: its producer restyles it."""

    def __init__(self, slide_view: SlideView, legend: Legend) -> None:
        super().__init__(slide_view)
        self._view, self._legend = slide_view, legend
        self._tissue = TissueReader(slide_view)
        self._visible = True
        self._bare = False
        self._allowed: Set[str] | None = None
        self._laid: dict[str, _Laid] = {}
        """The lowest first, as the view has them."""
        slide_view.source_changed.connect(self._forget_all)

    @property
    def visible(self) -> bool:
        """Whether layers are shown, while there are some and no key is held."""
        return self._visible

    @property
    def entries(self) -> tuple[LegendEntry, ...]:
        """Of the layers that are drawn, the uppermost first."""
        return tuple(one.entry for name, one in self._uppermost_first.items() if self.shows(name))

    @property
    def hidden(self) -> bool:
        """Whether layers are hidden now, by the switch or by a key that is held."""
        return self._bare or not self._visible

    def shows(self, name: str) -> bool:
        """Whether a layer is to be seen now; one that there is none of is not."""
        laid = self._laid.get(name)
        return laid is not None and laid.shown and not self.hidden and self._allows(name)

    @property
    def described(self) -> dict[str, LegendEntry]:
        """Every layer's entry by its name, shown or not, the uppermost first."""
        return {name: laid.entry for name, laid in self._uppermost_first.items()}

    def look_of(self, name: str) -> OverlayLook | None:
        """How a layer is drawn; None where there is none of this name."""
        laid = self._laid.get(name)
        return None if laid is None else laid.look

    @property
    def has_any(self) -> bool:
        """Whether there is a layer, shown or not."""
        return bool(self._laid)

    def free_map(self, preferred: Sequence[str], *, besides: str = "") -> str:
        """The first of some colour maps that no layer but ``besides`` has; else one that the fewest show."""
        looks = [laid.look for name, laid in self._laid.items() if name != besides and laid.look is not None]
        used = {look.colour_map for look in looks}
        shown = Counter(look.colour_map for look in looks if look.visible)
        return min(preferred, key=lambda name: (name in used, shown[name]))

    def put(self, name: str, layer: OverlayLayer, look: OverlayLook, entry: LegendEntry) -> None:
        """Lay a layer on top, or replace the one of this name where it lies."""
        self._laid[name] = _Laid(look, entry)
        self._view.overlays.put(name, layer, self._as_allowed(name, look))
        self._tissue.request()
        self._refresh()

    def find_tissue(self) -> None:
        """Find the tissue of the slide, once, before there is a layer; ``overlays.changed`` follows."""
        self._tissue.request()

    def put_entry(self, name: str, entry: LegendEntry, *, visible: bool) -> None:
        """Describe what its producer draws itself, over all layers, where it is visible and these are not
        ``hidden``."""
        self._laid[name] = _Laid(None, entry, visible)
        self._refresh()

    def restyle(self, name: str, look: OverlayLook, entry: LegendEntry) -> None:
        """Draw a layer otherwise. Uploads nothing. Raises KeyError where there is none of this name."""
        self._view.overlays.restyle(name, self._as_allowed(name, look))
        self._laid[name].look = look
        self.describe(name, entry)

    def describe(self, name: str, entry: LegendEntry) -> None:
        """Replace a layer's entry in the legend. Raises KeyError where there is none of this name."""
        self._laid[name].entry = entry
        self._refresh()

    def set_state(self, name: str, state: str) -> None:
        """State how much of a layer is analysed, where there is one of this name."""
        laid = self._laid.get(name)
        if laid is not None and laid.entry.state != state:
            self.describe(name, replace(laid.entry, state=state))

    def remove(self, name: str) -> None:
        """Take a layer away, where there is one of this name."""
        laid = self._laid.pop(name, None)
        if laid is not None:
            if laid.look is not None:
                self._view.overlays.remove(name)
            self._refresh()

    def set_visible(self, on: bool) -> None:
        """Show or hide all layers of all producers."""
        if on != self._visible:
            self._visible = on
            self._show_or_hide()

    def set_bare(self, bare: bool) -> None:
        """Hide all layers while a key is held."""
        self._bare = bare
        self._show_or_hide()

    def set_locked(self, allowed: Set[str] | None) -> None:
        """Show no layer but those of these names, whatever else is chosen; None: all again."""
        if allowed == self._allowed:
            return
        self._allowed = allowed
        for name, laid in self._laid.items():
            if laid.look is not None:
                self._view.overlays.restyle(name, self._as_allowed(name, laid.look))
        self._refresh()

    def _allows(self, name: str) -> bool:
        return self._allowed is None or name in self._allowed

    def _as_allowed(self, name: str, look: OverlayLook) -> OverlayLook:
        return look if self._allows(name) else replace(look, visible=False)

    @property
    def _uppermost_first(self) -> dict[str, _Laid]:
        """As they lie on the slide."""
        newest_first = list(reversed(self._laid.items()))
        return dict(sorted(newest_first, key=lambda laid: laid[1].look is not None))

    def _forget_all(self) -> None:
        """The view has dropped them with its slide."""
        self._laid.clear()
        self._refresh()

    def _show_or_hide(self) -> None:
        self._view.overlays.set_hidden(self.hidden)
        self._refresh()

    def _refresh(self) -> None:
        if not self._laid and not self._visible:  # what comes next is not hidden by a key pressed long ago
            self.set_visible(True)
            return
        self._legend.show_entries(self.entries)
        self.changed.emit()
