"""The legend on the slide: what the colours measure, what hatching means, where the values came from.

It is there for as long as an overlay is drawn: a coloured slide alone could be taken for a diagnosis. Where
it would crowd the view it folds to a line for each layer, and where these would, to one line for all.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QColor,
    QFont,
    QFontMetricsF,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from viewer.common.scale import whole_units
from viewer.overlay.legend_entry import dots_in_words
from viewer.overlay.strings import DOTTED, HATCHED, NOT_A_DIAGNOSIS, NOT_ANALYSED, OR
from viewer.ui.canvas.scale_bar import largest_reach
from viewer.ui.overlays import strings
from viewer.ui.widgets.limited_scroll_area import breakable
from viewer.ui.widgets.theme import em_px

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viewer.overlay.legend_entry import LegendEntry, Rgb

_MARGIN_PX = 12
_PLATE = QColor(16, 18, 24, 216)
_TEXT = QColor(245, 246, 248)
_DIM = QColor(190, 196, 206)
_LINE = QColor(255, 255, 255, 60)
_WIDTH_EM, _FOLDED_WIDTH_EM = 17.0, 14.0
_CROWDED = 1 / 3
"""Of the view's width or height: a larger legend folds."""
_COVERED = 1 / 5
"""Of the view's area: lines of several layers that cover more fold to one."""
_MOST_LINES = 6
_DOTS = Qt.BrushStyle.Dense6Pattern
_CHECKS = QColor(255, 255, 255), QColor(214, 216, 220)
_CHECK_EM = 0.4
_BAR_EM, _SCALE_EM, _LINE_EM = 0.8, 1.2, 1.3
_FOLDED_BAR_EM, _SAMPLE_EM = 3.5, 1.8


def bar_image(entry: LegendEntry) -> QImage:
    """One row of pixels from value 0 to 1, as clear where the slide is as clear."""
    bar = entry.bar()
    return QImage(bar.data, len(bar), 1, bar.nbytes, QImage.Format.Format_RGBA8888).copy()


class Legend(QWidget):
    """At the bottom right of the slide's widget, never over its scale bar. Hidden while there is no entry.

    Lets the mouse through, but for the click that unfolds it.
    """

    folding_changed = Signal()
    """Whether it is folded, or can be, has changed."""

    def __init__(self, slide_widget: QWidget) -> None:
        super().__init__(slide_widget)
        self._slide_widget = slide_widget
        self._entries: tuple[LegendEntry, ...] = ()
        self._dotted, self._hatched = "", True
        self._shown = self._with_facts = 0
        self._foldable = self._unfolded = self._covers = False
        self._let_mouse_through()
        slide_widget.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """All of the legend, as assistive technology reads it."""
        return self.accessibleName()

    @property
    def foldable(self) -> bool:
        """Whether all of it would crowd the view."""
        return self._foldable

    @property
    def unfolded(self) -> bool:
        """Whether the reader wants all of it in a view that it crowds."""
        return self._foldable and self._unfolded

    def set_unfolded(self, on: bool) -> None:
        """Show all of it also where it crowds the view, or fold it again."""
        if self._foldable and on != self._unfolded:
            self._unfolded = on
            self.place()
            self.folding_changed.emit()

    def show_entries(self, entries: Sequence[LegendEntry]) -> None:
        """Show these layers, the uppermost first; none hides the legend."""
        self._entries = tuple(entries)
        self._dotted = OR.join(dict.fromkeys(entry.dotted for entry in entries if entry.dotted))
        lines = [" ".join([entry.in_words(), *_sentences(entry)]) for entry in entries]
        self._hatched = any(entry.has_patches for entry in entries)
        lines += [HATCHED.format(meaning=NOT_ANALYSED)] if self._hatched else []
        lines += [DOTTED.format(meaning=dots_in_words(entries))] if self._dotted else []
        self.setAccessibleName(" ".join([*lines, NOT_A_DIAGNOSIS]) if entries else "")
        self.setVisible(bool(entries))
        self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay in the corner when the slide's widget changes its size."""
        if event.type() == QEvent.Type.Resize:
            self.place()
        return super().eventFilter(watched, event)

    def place(self) -> None:
        """Move to the bottom right corner, beside the scale bar or above it, and leave out what there is no
        room for."""
        before, self._foldable = self._foldable, False  # all of it is measured
        self._foldable = self._crowds()
        self._covers = False  # and then its lines
        self._covers = self._lines_cover()
        self._let_mouse_through()
        self._make_fit()
        self.resize(self.sizeHint())
        parent = self._slide_widget
        self.move(
            parent.width() - self.width() - _MARGIN_PX, parent.height() - self.height() - self._below_px
        )
        self.raise_()
        self.update()
        if self._foldable != before:
            self.folding_changed.emit()

    def sizeHint(self) -> QSize:
        return QSize(self._width(), self._height_of(self._shown, self._with_facts))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Unfold; sent only while it is folded."""
        if event.button() == Qt.MouseButton.LeftButton:
            self.set_unfolded(True)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom the slide below."""
        slide, at = self._slide_widget.focusProxy(), event.globalPosition()
        if slide is not None:
            turned = event.pixelDelta(), event.angleDelta(), event.buttons(), event.modifiers()
            below = QWheelEvent(slide.mapFromGlobal(at), at, *turned, event.phase(), event.inverted())
            QCoreApplication.sendEvent(slide, below)

    @property
    def _folded(self) -> bool:
        return self._foldable and not self._unfolded

    @property
    def _in_one_line(self) -> bool:
        return self._folded and self._covers

    def _lines_cover(self) -> bool:
        """Whether a line for each of several layers would take too much of the view."""
        parent, count = self._slide_widget, len(self._entries)
        area_px = self._width() * self._height_of(count, 0)
        return self._folded and count > 1 and area_px > parent.width() * parent.height() * _COVERED

    def _let_mouse_through(self) -> None:
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not self._folded)
        self.setToolTip(strings.UNFOLD_TIP if self._folded else "")
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def _crowds(self) -> bool:
        """Whether all of it would take too much of the view."""
        parent, count = self._slide_widget, len(self._entries)
        too_high = self._height_of(count, count) > parent.height() * _CROWDED
        return bool(count) and (too_high or self._width() > parent.width() * _CROWDED)

    @property
    def _below_px(self) -> int:
        """The room to leave below: that of the scale bar where both do not fit side by side."""
        parent = self._slide_widget
        reach, height = largest_reach(parent.width(), parent.font())
        beside = parent.width() - self._width() - 2 * _MARGIN_PX
        return _MARGIN_PX if reach <= beside else round(height) + _MARGIN_PX

    def _make_fit(self) -> None:
        """Leave out facts of the lower layers, then those layers, then the facts of the uppermost."""
        count = len(self._entries)
        ways = [] if self._folded else [(count, with_facts) for with_facts in range(count, 0, -1)]
        ways += [(count, 1)]
        ways += [(shown, 1) for shown in range(count - 1, 0, -1)]
        ways.append((min(count, 1), 0))
        room_px = self._slide_widget.height() - _MARGIN_PX - self._below_px
        self._shown, self._with_facts = next(
            (way for way in ways if self._height_of(*way) <= room_px), ways[-1]
        )

    def _height_of(self, shown: int, with_facts: int) -> int:
        """With so many layers, the uppermost first, and so many of them with facts."""
        em = em_px()
        if self._in_one_line:
            return round(em * (1.2 + _LINE_EM) + self._height(NOT_A_DIAGNOSIS, self.font()))
        height = em * 0.9
        for number, entry in enumerate(() if self._folded else self._entries[:shown]):
            bar = (_BAR_EM + _SCALE_EM + 0.2) * em if _has_bar(entry) else 0.0
            bar += _LINE_EM * em if entry.lines else 0.0
            bar += len(entry.keys) * _LINE_EM * em
            facts = self._facts_height(entry) if _has_facts(entry, number, with_facts) else 0.0
            note = self._height(entry.note, self.font()) if entry.note else 0.0
            height += self._title_height(entry) + bar + note + facts + em * 0.4
        height += sum(self._sample_height(meaning) for _, meaning in self._samples())
        lines = (shown if self._folded else 0) + bool(self._left_out(shown))
        return round(height + em * _LINE_EM * lines + self._height(NOT_A_DIAGNOSIS, self.font()) + em * 0.3)

    def _left_out(self, shown: int) -> str:
        left = len(self._entries) - shown
        template = strings.ONE_MORE_LAYER if left == 1 else strings.MORE_LAYERS
        return template.format(count=left) if left else ""

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_PLATE)
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        em = float(em_px())
        box = QRectF(self.rect()).adjusted(em * 0.6, em * 0.5, -em * 0.6, -em * 0.4)
        y = box.top()
        if self._in_one_line:
            y = self._paint_all_in_one(painter, box, y)
        for entry in self._entries[: self._shown] if self._folded and not self._covers else ():
            y = self._paint_line(painter, entry, box, y)
        for number, entry in enumerate(() if self._folded else self._entries[: self._shown]):
            y = self._paint_title(painter, entry, box, y)
            if _has_bar(entry):
                y = self._paint_scale(painter, entry, box, y)
            if entry.lines:
                y = _paint_lines(painter, entry, box, y)
            for rgb, meaning in entry.keys:
                y = self._paint_key(painter, rgb, meaning, box, y)
            if entry.note:
                note = QRectF(box.left(), y, box.width(), self._height(entry.note, self.font()))
                painter.setPen(_TEXT)
                painter.drawText(note, Qt.TextFlag.TextWordWrap, entry.note)
                y = note.bottom()
            if _has_facts(entry, number, self._with_facts):
                facts = QRectF(box.left(), y, box.width(), self._facts_height(entry))
                painter.setPen(_DIM)
                painter.drawText(facts, Qt.TextFlag.TextWordWrap, whole_units(entry.facts))
                y = facts.bottom()
            painter.fillRect(QRectF(box.left(), y + em * 0.1, box.width(), 1), _LINE)
            y += em * 0.4
        self._paint_foot(painter, box, y)
        painter.end()

    def _width(self) -> int:
        room_px = self._slide_widget.width() - 2 * _MARGIN_PX
        folded_px = max(em_px(_FOLDED_WIDTH_EM), min(em_px(_WIDTH_EM), room_px // 4))
        return min(folded_px if self._folded else em_px(_WIDTH_EM), max(em_px(8), room_px))

    def _height(self, text: str, font: QFont, *, beside_em: float = 0.0) -> float:
        """Of the text on as many lines as it takes, up to the most, beside something so wide."""
        wide = self._width() - em_px(1.2 + beside_em)
        metrics = QFontMetricsF(font)
        box = metrics.boundingRect(QRectF(0, 0, wide, 1e4), Qt.TextFlag.TextWordWrap, text)
        return min(box.height(), _MOST_LINES * metrics.lineSpacing())

    def _title_height(self, entry: LegendEntry) -> float:
        return self._height(breakable(entry.title), self._bold)

    def _facts_height(self, entry: LegendEntry) -> float:
        return self._height(whole_units(entry.facts), self.font())

    @property
    def _bold(self) -> QFont:
        font = QFont(self.font())
        font.setBold(True)
        return font

    def _sample_height(self, meaning: str) -> float:
        return max(self._height(meaning, self.font(), beside_em=_SAMPLE_EM), em_px() * _LINE_EM)

    def _samples(self) -> list[tuple[Qt.BrushStyle, str]]:
        """Patterns and what they mean."""
        dotted = [(_DOTS, self._dotted)] if self._dotted else []
        hatched = [(Qt.BrushStyle.BDiagPattern, NOT_ANALYSED)] if self._hatched else []
        return [*hatched, *dotted]

    def _paint_title(self, painter: QPainter, entry: LegendEntry, box: QRectF, y: float) -> float:
        title = QRectF(box.left(), y, box.width(), self._title_height(entry))
        painter.setPen(_TEXT)
        painter.setFont(self._bold)
        painter.drawText(title, Qt.TextFlag.TextWordWrap, breakable(entry.title))
        painter.setFont(self.font())
        return title.bottom()

    def _paint_all_in_one(self, painter: QPainter, box: QRectF, y: float) -> float:
        """How many layers there are, and how many of them are not all analysed."""
        line = QRectF(box.left(), y, box.width(), em_px() * _LINE_EM)
        painter.setPen(_TEXT)
        unfinished = sum(bool(entry.unfinished) for entry in self._entries)
        template = strings.LAYERS_FOLDED_UNFINISHED if unfinished else strings.LAYERS_FOLDED
        text = template.format(count=len(self._entries), unfinished=unfinished)
        elided = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(line.width()))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, elided)
        return line.bottom()

    def _paint_line(self, painter: QPainter, entry: LegendEntry, box: QRectF, y: float) -> float:
        """Title and colours on one line, with the numbers that the ends of the scale begin with."""
        em = float(em_px())
        line = QRectF(box.left(), y, box.width(), em * _LINE_EM)
        middle = Qt.AlignmentFlag.AlignVCenter
        if not entry.has_fill:
            shown = QRectF(line.right() - em * _FOLDED_BAR_EM, y, em * _FOLDED_BAR_EM, line.height())
            _paint_lines(painter, replace(entry, lines=tuple((rgb, "") for rgb, _ in entry.lines)), shown, y)
            line.setRight(shown.left() - em * 0.4)
        elif entry.has_scale:
            low, high = (_number(end) for end in (entry.low, entry.high))
            advance = QFontMetricsF(self.font()).horizontalAdvance
            bar = QRectF(
                line.right() - advance(high) - em * (0.3 + _FOLDED_BAR_EM),
                y + em * 0.25,
                em * _FOLDED_BAR_EM,
                em * _BAR_EM,
            )
            self._paint_bar(painter, entry, bar)
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | middle, high)
            line.setRight(bar.left() - em * 0.3)
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | middle, low)
            line.setRight(line.right() - advance(low) - em * 0.4)
        words = entry.short_title or entry.title
        painter.setPen(_TEXT)
        if entry.dotted:
            dots = QRectF(line.right() - em * 0.8, y + em * 0.25, em * 0.8, em * _BAR_EM)
            painter.fillRect(dots, QBrush(_TEXT, _DOTS))
            line.setRight(dots.left() - em * 0.3)
        if entry.unfinished:
            share = painter.fontMetrics().elidedText(
                entry.unfinished_in_short, Qt.TextElideMode.ElideRight, int(line.width() / 2)
            )
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | middle, share)
            line.setRight(line.right() - QFontMetricsF(self.font()).horizontalAdvance(share) - em * 0.3)
        title = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(line.width()))
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | middle, title)
        return y + em * _LINE_EM

    def _paint_bar(self, painter: QPainter, entry: LegendEntry, bar: QRectF) -> None:
        side = em_px(_CHECK_EM)
        painter.fillRect(bar, _CHECKS[0])  # checks, visible through clear colours
        for row in range(-int(-bar.height() // side)):
            for col in range(row % 2, -int(-bar.width() // side), 2):
                check = QRectF(bar.left() + col * side, bar.top() + row * side, side, side)
                painter.fillRect(check.intersected(bar), _CHECKS[1])
        painter.drawImage(bar, bar_image(entry))
        painter.setPen(QPen(_DIM, 1))
        painter.drawRect(bar)

    def _paint_scale(self, painter: QPainter, entry: LegendEntry, box: QRectF, y: float) -> float:
        em = float(em_px())
        bar = QRectF(box.left(), y + em * 0.2, box.width(), em * _BAR_EM)
        self._paint_bar(painter, entry, bar)
        scale = QRectF(bar.left(), bar.bottom(), bar.width(), em * _SCALE_EM)
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(scale, Qt.AlignmentFlag.AlignLeft | middle, entry.low)
        painter.drawText(scale, Qt.AlignmentFlag.AlignRight | middle, entry.high)
        if entry.middle_at is not None:
            at = QPointF(bar.left() + bar.width() * entry.middle_at, bar.top())
            around = scale.translated(at.x() - scale.center().x(), 0)
            painter.drawText(around, Qt.AlignmentFlag.AlignHCenter | middle, entry.middle)
            painter.setPen(QPen(_TEXT, 2))
            painter.drawLine(at, QPointF(at.x(), bar.bottom() + em * 0.2))
        return scale.bottom()

    def _paint_key(self, painter: QPainter, rgb: Rgb, meaning: str, box: QRectF, y: float) -> float:
        em = float(em_px())
        sample = QRectF(box.left(), y + em * 0.25, em * 1.4, em * 0.8)
        painter.fillRect(sample, QColor(255, 255, 255))
        painter.setPen(QPen(QColor(*rgb), 2))
        painter.drawRect(sample.adjusted(1, 1, -1, -1))
        text = QRectF(sample.right() + em * 0.4, y, box.right() - sample.right() - em * 0.4, em * _LINE_EM)
        elided = painter.fontMetrics().elidedText(meaning, Qt.TextElideMode.ElideRight, int(text.width()))
        painter.setPen(_TEXT)
        painter.drawText(text, 0, elided)
        return text.bottom()

    def _paint_foot(self, painter: QPainter, box: QRectF, y: float) -> None:
        em = float(em_px())
        painter.setPen(_DIM)
        if self._in_one_line:
            painter.drawText(box.adjusted(0, y - box.top(), 0, em), Qt.TextFlag.TextWordWrap, NOT_A_DIAGNOSIS)
            return
        if left_out := self._left_out(self._shown):
            painter.drawText(QRectF(box.left(), y, box.width(), em * _LINE_EM), 0, left_out)
            y += em * _LINE_EM
        for pattern, meaning in self._samples():
            patch = QRectF(box.left(), y + em * 0.25, em * 1.4, em * 0.8)
            painter.fillRect(patch, QBrush(_TEXT, pattern))
            painter.setPen(QPen(_DIM, 1))
            painter.drawRect(patch)
            painter.setPen(_TEXT)
            beside = box.adjusted(em * _SAMPLE_EM, y - box.top(), 0, em)
            painter.drawText(beside, Qt.TextFlag.TextWordWrap, meaning)
            y += self._sample_height(meaning)
        foot = QRectF(box.left(), y, box.width(), box.bottom() - y + em)
        painter.drawText(foot, Qt.TextFlag.TextWordWrap, NOT_A_DIAGNOSIS)


def _sentences(entry: LegendEntry) -> list[str]:
    """What applies to this layer only, as far as the patterns do not say it."""
    said = [text for text in (entry.lines_in_words, entry.unfinished) if text]
    return [strings.SENTENCE.format(text=text[0].upper() + text[1:]) for text in said]


def _has_bar(entry: LegendEntry) -> bool:
    return entry.has_scale and entry.has_fill


def _paint_lines(painter: QPainter, entry: LegendEntry, box: QRectF, y: float) -> float:
    """Each contour in its colour, on white as on a slide, with its value."""
    em, width = float(em_px()), box.width() / len(entry.lines)
    for place, (rgb, value) in enumerate(entry.lines):
        sample = QRectF(box.left() + place * width, y + em * 0.25, min(em, width * 0.8), em * _BAR_EM)
        painter.fillRect(sample, _CHECKS[0])
        painter.fillRect(sample.adjusted(0, em * 0.25, 0, -em * 0.25), QColor(*rgb))
        text = QRectF(sample.right() + em * 0.2, y, width - sample.width() - em * 0.2, em * _LINE_EM)
        painter.setPen(_TEXT)
        elided = painter.fontMetrics().elidedText(value, Qt.TextElideMode.ElideRight, int(text.width()))
        painter.drawText(text, Qt.AlignmentFlag.AlignVCenter, elided)
    return y + em * _LINE_EM


def _has_facts(entry: LegendEntry, number: int, with_facts: int) -> bool:
    """Whether the layer of this number has its facts; without a scale they are all that it has."""
    return number < with_facts or not entry.has_scale


def _number(end: str) -> str:
    """The number that the words about an end of the scale begin with: "0" of "0 unlike"."""
    found = re.match(r"\D*\S+", end)
    return end if found is None else found[0]
