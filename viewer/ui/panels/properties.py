"""The properties panel: what the file says about itself and how Foveola reads it, to search and to copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from viewer.common.scale import format_length
from viewer.ui.panels.associated_images import AssociatedImages

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint

    from viewer.slide.source import Source
    from viewer.ui.canvas.slide_view import SlideView

_COPY = QKeySequence.StandardKey.Copy
_LONGEST_VALUE = 2000
"""Characters of a value that are shown and searched; some files carry documents. All of it is copied."""


class Fact(NamedTuple):
    """One line of the panel."""

    section: str
    name: str
    value: str


def slide_facts(
    source: Source, *, mpp_um: tuple[float, float] | None, mpp_estimated: bool = False
) -> list[Fact]:
    """Everything there is to say about an open slide, in the order in which it is shown.

    ``mpp_um`` is the pixel size in use: the file's, or else what the reader entered or let be estimated.
    """
    info, pyramid = source.info, source.pyramid
    facts = [
        Fact("Slide", "File", info.path.name),
        Fact("Slide", "Folder", str(info.path.parent)),
        Fact("Slide", "Format", info.format),
        Fact("Slide", "Read by", f"{info.reader}. {info.reader_reason}".strip()),
        Fact("Slide", "Size", f"{pyramid.width} × {pyramid.height} px"),
        Fact("Slide", "Pixel size", _pixel_size(info.mpp_um, mpp_um, mpp_estimated)),
    ]
    if mpp_um is not None:
        width, height = pyramid.width * mpp_um[0], pyramid.height * mpp_um[1]
        facts.append(Fact("Slide", "Extent", f"{format_length(width)} × {format_length(height)}"))
    power = info.objective_power
    facts += [
        Fact("Slide", "Objective", "not stated" if power is None else f"{power:g}x"),
        Fact("Slide", "Colour profile", "ICC profile in the file" if info.icc_profile else "none"),
    ]
    if info.planes.plane_count > 1:
        facts.append(Fact("Slide", "Planes", f"{info.planes.plane_count}; the first is shown"))
    for index, level in enumerate(pyramid.levels):
        made = "" if (level.width, level.height) in info.file_levels else ", made by Foveola"
        size = f"{level.width} × {level.height} px, 1/{level.downsample:.4g}"
        facts.append(
            Fact("Levels", f"Level {index}", f"{size}, tiles {level.tile_width} × {level.tile_height}{made}")
        )
    facts += [Fact("Label and macro images", name, "hidden") for name in info.associated_images]
    facts += [Fact("Properties in the file", *pair) for pair in sorted(info.properties.items())]
    return facts


def _pixel_size(stated: tuple[float, float] | None, used: tuple[float, float] | None, estimated: bool) -> str:
    if used is None:
        return "not stated by the file"
    size = f"{used[0]:.4g} µm" if used[0] == used[1] else f"{used[0]:.4g} × {used[1]:.4g} µm"
    origin = "estimated from the slide itself" if estimated else "entered by the reader"
    return size if stated is not None else f"{size} ({origin})"


class PropertiesPanel(QWidget):
    """Notes first, then a tree of facts with a filter. Ctrl+C copies the chosen lines."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._slide_view = slide_view
        self._sections: list[QTreeWidgetItem] = []
        self._notes = QLabel(wordWrap=True, textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse)
        self._notes.setAccessibleName("Notes about this slide")
        self._notes.setFrameShape(QLabel.Shape.StyledPanel)
        self._notes.setMargin(6)
        self._filter = QLineEdit(placeholderText="Filter properties", clearButtonEnabled=True)
        self._filter.setAccessibleName("Filter properties")
        self._filter.setToolTip("Show only lines that contain this text")
        self._filter.textChanged.connect(self._apply_filter)
        self._tree = QTreeWidget()
        self._tree.setAccessibleName("Properties of the slide")
        self._tree.setHeaderLabels(["Property", "Value"])
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self._tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._tree.setAlternatingRowColors(True)
        self._tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._tree.customContextMenuRequested.connect(self._show_menu)
        self._tree.installEventFilter(self)
        self._associated = QPushButton("Label and macro images…")
        self._associated.setToolTip("Hidden until asked for: they often carry patient names and numbers")
        self._associated.clicked.connect(self.show_associated)
        layout = QVBoxLayout(self)
        layout.addWidget(self._notes)
        layout.addWidget(self._filter)
        layout.addWidget(self._tree, 1)
        layout.addWidget(self._associated)
        self.setAccessibleName("Properties")
        slide_view.source_changed.connect(self._fill)
        slide_view.mpp_changed.connect(self._fill)
        self._fill()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Copy in the tree copies lines of it, before the window's own shortcut copies the view."""
        kinds = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        if event.type() in kinds and isinstance(event, QKeyEvent) and event.matches(_COPY):
            if event.type() == QEvent.Type.KeyPress:
                self.copy_chosen()
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def text(self) -> str:
        """Every fact as lines of "name, tab, value"."""
        return "\n".join(f"{fact.name}\t{fact.value}" for fact in self._facts())

    def copy_chosen(self) -> None:
        """Put the chosen lines on the clipboard."""
        chosen = [item for item in self._tree.selectedItems() if item.parent() is not None]
        lines = [f"{item.text(0)}\t{item.data(1, Qt.ItemDataRole.UserRole)}" for item in chosen]
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    def copy_all(self) -> None:
        """Put every line on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())

    def show_associated(self) -> None:
        """Ask whether label and macro images should be shown."""
        if self._slide_view.source is not None:
            AssociatedImages(self._slide_view, self).show()

    def _facts(self) -> list[Fact]:
        view = self._slide_view
        if view.source is None:
            return []
        return slide_facts(view.source, mpp_um=view.mpp_um, mpp_estimated=view.mpp_estimated)

    def _fill(self) -> None:
        source = self._slide_view.source
        notes = () if source is None else source.info.notes
        self._notes.setText("\n\n".join(f"⚠ {note}" for note in notes))
        self._notes.setVisible(bool(notes))
        self._associated.setVisible(source is not None and bool(source.info.associated_images))
        self._tree.clear()
        sections: dict[str, QTreeWidgetItem] = {}
        for fact in self._facts():
            section = sections.get(fact.section)
            if section is None:
                section = sections[fact.section] = QTreeWidgetItem(self._tree, [fact.section])
                section.setFirstColumnSpanned(True)
                font = section.font(0)
                font.setBold(True)
                section.setFont(0, font)
            short = " ".join(fact.value[:_LONGEST_VALUE].split())
            item = QTreeWidgetItem(section, [fact.name, short])
            item.setData(1, Qt.ItemDataRole.UserRole, fact.value)
            item.setToolTip(1, short)
        self._sections = list(sections.values())
        for name, section in sections.items():
            section.setExpanded(name != "Properties in the file")
        self._apply_filter(self._filter.text())

    def _apply_filter(self, text: str) -> None:
        wanted = text.casefold().strip()
        for section in self._sections:
            shown = 0
            for row in range(section.childCount()):
                item = section.child(row)
                assert item is not None
                matches = wanted in item.text(0).casefold() or wanted in item.text(1).casefold()
                item.setHidden(not matches)
                shown += matches
            section.setHidden(shown == 0)
            if wanted and shown:
                section.setExpanded(True)

    def _show_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction("Copy", self.copy_chosen)
        copy.setEnabled(bool(self._tree.selectedItems()))
        menu.addAction("Copy all", self.copy_all)
        menu.popup(self._tree.viewport().mapToGlobal(position))
