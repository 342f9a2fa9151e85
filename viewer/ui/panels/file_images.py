"""The dialog of the images in a file that holds several: which is shown, and a way to open another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QLabel,
    QListWidget,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from viewer.common.text import one_line
from viewer.ui.panels import strings
from viewer.ui.widgets.theme import without_icons

if TYPE_CHECKING:
    from viewer.slide.source import FileImage
    from viewer.ui.canvas.slide_view import SlideView


def image_in_words(image: FileImage) -> str:
    """What the file calls an image, and its size."""
    size = strings.SIZE_PX.format(width=image.width, height=image.height)
    text = f"{one_line(image.name)}, {size}" if image.name else size
    return strings.IMAGE_SHOWN.format(image=text) if image.is_shown else text


class FileImages(QDialog):
    """Lists the images of the slide's file; closes once one is opened, and with its slide."""

    chosen = Signal(object)
    """The locator of the image to open."""

    def __init__(self, slide_view: SlideView, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        source = slide_view.source
        self._images = () if source is None else source.info.images
        self._file = None if source is None else source.info.locator.with_image(None)
        self.setWindowTitle(strings.FILE_IMAGES)
        caution = QLabel(strings.WARNING.format(text=strings.CAUTION), wordWrap=True)
        caution.setAccessibleName(strings.CAUTION_NAME)
        self._list = QListWidget()
        self._list.setAccessibleName(strings.FILE_IMAGES)
        self._list.setAccessibleDescription(strings.FILE_IMAGES_DESCRIPTION)
        for image in self._images:
            text = strings.NUMBERED_IMAGE.format(number=image.number, image=image_in_words(image))
            self._list.addItem(text)
        self._list.itemActivated.connect(self.open_chosen)
        self._list.currentRowChanged.connect(self._row_changed)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        self._open = QPushButton(strings.OPEN_IMAGE)
        self._open.setToolTip(strings.OPEN_IMAGE_TIP)
        self._open.clicked.connect(self.open_chosen)
        buttons.addButton(self._open, QDialogButtonBox.ButtonRole.ActionRole)
        without_icons(buttons.buttons())
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(caution)
        layout.addWidget(self._list, 1)
        layout.addWidget(buttons)
        em = self.fontMetrics().height()
        self.resize(30 * em, 18 * em)
        slide_view.source_changed.connect(self.close)
        self._list.setCurrentRow(next((row for row, each in enumerate(self._images) if each.is_shown), 0))
        self._row_changed()

    def open_chosen(self) -> None:
        """Ask for the chosen image, unless it is the one that is shown."""
        row = self._list.currentRow()
        if self._file is None or row < 0 or self._images[row].is_shown:
            return
        image = self._images[row]
        self.chosen.emit(self._file.with_image(None if image.is_slide else image.number))
        self.close()

    def _row_changed(self) -> None:
        row = self._list.currentRow()
        self._open.setEnabled(row >= 0 and not self._images[row].is_shown)
