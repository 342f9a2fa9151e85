"""The properties panel: what the file states and how it is read, with a filter and copying."""

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
from viewer.ui.panels import strings
from viewer.ui.panels.associated_images import AssociatedImages
from viewer.ui.panels.file_images import image_in_words
from viewer.ui.widgets.following import Following

if TYPE_CHECKING:
    from PySide6.QtCore import QPoint

    from viewer.slide.geometry import Level
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
    source: Source,
    *,
    mpp_um: tuple[float, float] | None,
    mpp_estimated: bool = False,
    mpp_origin: str = "",
) -> list[Fact]:
    """All facts about an open slide, in the order in which they are shown.

    ``mpp_um`` is the pixel size in use: the file's, or one that was entered or estimated (``mpp_origin``
    says by whom and when, where that is known).
    """
    info, pyramid, section = source.info, source.pyramid, strings.SLIDE_SECTION
    facts = [
        Fact(section, strings.FACT_FILE, info.path.name),
        Fact(section, strings.FACT_FOLDER, str(info.path.parent)),
        Fact(section, strings.FACT_FORMAT, info.format),
        Fact(section, strings.FACT_READER, f"{info.reader}. {info.reader_reason}".strip()),
        Fact(section, strings.FACT_SIZE, strings.SIZE_PX.format(width=pyramid.width, height=pyramid.height)),
        Fact(section, strings.FACT_PIXEL_SIZE, _pixel_size(info.mpp_um, mpp_um, mpp_estimated, mpp_origin)),
    ]
    if mpp_um is not None:
        width, height = pyramid.width * mpp_um[0], pyramid.height * mpp_um[1]
        facts.append(Fact(section, strings.FACT_EXTENT, f"{format_length(width)} × {format_length(height)}"))
    power = info.objective_power
    profile = strings.PROFILE_IN_FILE if info.icc_profile else strings.PROFILE_NONE
    facts += [
        Fact(section, strings.FACT_OBJECTIVE, strings.NOT_STATED if power is None else f"{power:g}x"),
        Fact(section, strings.FACT_COLOUR_PROFILE, profile),
    ]
    if info.planes.plane_count > 1:
        planes = strings.PLANES.format(count=info.planes.plane_count)
        facts.append(Fact(section, strings.FACT_PLANES, planes))
    for index, level in enumerate(pyramid.levels):
        facts.append(
            Fact(
                strings.LEVELS_SECTION,
                strings.FACT_LEVEL.format(index=index),
                _level(level, made=(level.width, level.height) not in info.file_levels),
            )
        )
    facts += [
        Fact(strings.FILE_IMAGES, strings.FACT_IMAGE.format(number=image.number), image_in_words(image))
        for image in info.images
    ]
    images, properties = strings.ASSOCIATED_IMAGES, sorted(info.properties.items())
    facts += [Fact(images, name, strings.IMAGE_HIDDEN) for name in info.associated_images]
    facts += [Fact(strings.FILE_SECTION, *pair) for pair in properties]
    return facts


def _level(level: Level, *, made: bool) -> str:
    """``made``: the file has no such level."""
    text = strings.LEVEL.format(
        size=strings.SIZE_PX.format(width=level.width, height=level.height),
        downsample=level.downsample,
        tile_width=level.tile_width,
        tile_height=level.tile_height,
    )
    return strings.LEVEL_MADE.format(level=text) if made else text


def _pixel_size(
    stated: tuple[float, float] | None, used: tuple[float, float] | None, estimated: bool, origin: str
) -> str:
    if used is None:
        return strings.PIXEL_SIZE_NOT_STATED
    size = f"{used[0]:.4g} µm" if used[0] == used[1] else f"{used[0]:.4g} × {used[1]:.4g} µm"
    if origin:
        return strings.PIXEL_SIZE_ORIGIN.format(size=size, origin=origin)
    if stated is not None:
        return size
    return (strings.PIXEL_SIZE_ESTIMATED if estimated else strings.PIXEL_SIZE_ENTERED).format(size=size)


class PropertiesPanel(QWidget):
    """Notes first, then a tree of facts with a filter. Ctrl+C copies the selected lines."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._following = Following({"source_changed": self._fill, "mpp_changed": self._fill})
        self._sections: list[QTreeWidgetItem] = []
        self._notes = QLabel(wordWrap=True, textInteractionFlags=Qt.TextInteractionFlag.TextSelectableByMouse)
        self._notes.setAccessibleName(strings.NOTES_NAME)
        self._notes.setFrameShape(QLabel.Shape.StyledPanel)
        self._notes.setMargin(6)
        self._filter = QLineEdit(placeholderText=strings.FILTER_PROPERTIES, clearButtonEnabled=True)
        self._filter.setAccessibleName(strings.FILTER_PROPERTIES)
        self._filter.setToolTip(strings.FILTER_PROPERTIES_TIP)
        self._filter.textChanged.connect(self._apply_filter)
        self._tree = QTreeWidget()
        self._tree.setAccessibleName(strings.PROPERTIES_NAME)
        self._tree.setHeaderLabels(strings.PROPERTY_COLUMNS)
        self._tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        self._tree.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self._tree.setAlternatingRowColors(True)
        self._tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._tree.customContextMenuRequested.connect(self._show_menu)
        self._tree.installEventFilter(self)
        self._associated = QPushButton(strings.OPEN_ASSOCIATED_IMAGES)
        self._associated.setToolTip(strings.OPEN_ASSOCIATED_IMAGES_TIP)
        self._associated.clicked.connect(self.show_associated)
        layout = QVBoxLayout(self)
        layout.addWidget(self._notes)
        layout.addWidget(self._filter)
        layout.addWidget(self._tree, 1)
        layout.addWidget(self._associated)
        self.setAccessibleName(strings.PROPERTIES)
        self.follow(slide_view)

    def follow(self, slide_view: SlideView) -> None:
        """Show the slide of another view."""
        self._slide_view = slide_view
        self._following.follow(slide_view)
        for dialog in self.findChildren(AssociatedImages):
            dialog.close()  # it shows images of the previous slide
        self._fill()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Let Ctrl+C in the tree copy its lines, before the window's own shortcut copies the view."""
        kinds = (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress)
        if event.type() in kinds and isinstance(event, QKeyEvent) and event.matches(_COPY):
            if event.type() == QEvent.Type.KeyPress:
                self.copy_selected()
            event.accept()
            return True
        return super().eventFilter(watched, event)

    def text(self) -> str:
        """Every fact as lines of "name, tab, value"."""
        return "\n".join(f"{fact.name}\t{fact.value}" for fact in self._facts())

    def copy_selected(self) -> None:
        """Put the selected lines on the clipboard."""
        selected = [item for item in self._tree.selectedItems() if item.parent() is not None]
        lines = [f"{item.text(0)}\t{item.data(1, Qt.ItemDataRole.UserRole)}" for item in selected]
        if lines:
            QGuiApplication.clipboard().setText("\n".join(lines))

    def copy_all(self) -> None:
        """Put every line on the clipboard."""
        QGuiApplication.clipboard().setText(self.text())

    def show_associated(self) -> None:
        """Open the dialog of label and macro images."""
        if self._slide_view.source is not None:
            AssociatedImages(self._slide_view, self).show()

    def _facts(self) -> list[Fact]:
        view = self._slide_view
        if view.source is None:
            return []
        return slide_facts(
            view.source,
            mpp_um=view.mpp_um,
            mpp_estimated=view.mpp_estimated,
            mpp_origin=view.mpp_origin,
        )

    def _fill(self) -> None:
        source = self._slide_view.source
        notes = () if source is None else source.info.notes
        self._notes.setText("\n\n".join(strings.WARNING.format(text=note) for note in notes))
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
            section.setExpanded(name != strings.FILE_SECTION)
        self._apply_filter(self._filter.text())

    def _apply_filter(self, text: str) -> None:
        needle = text.casefold().strip()
        for section in self._sections:
            shown = 0
            for row in range(section.childCount()):
                item = section.child(row)
                assert item is not None
                matches = needle in item.text(0).casefold() or needle in item.text(1).casefold()
                item.setHidden(not matches)
                shown += matches
            section.setHidden(shown == 0)
            if needle and shown:
                section.setExpanded(True)

    def _show_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction(strings.COPY, self.copy_selected)
        copy.setEnabled(bool(self._tree.selectedItems()))
        menu.addAction(strings.COPY_ALL, self.copy_all)
        menu.popup(self._tree.viewport().mapToGlobal(position))
