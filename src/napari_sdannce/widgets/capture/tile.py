"""What one camera sees, with its light, focus and frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QFont, QImage, QPainter, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_sdannce.capture.recorder.counts import CameraState

if TYPE_CHECKING:
    from qtpy.QtGui import QMouseEvent, QPaintEvent, QWheelEvent

    from napari_sdannce.capture.recorder.counts import CameraCounts
    from napari_sdannce.capture.recorder.pictures import Picture

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

ZOOMS = (1, 2, 4, 8)
_GROUND, _BAR, _TEXT = QColor("#1b1d20"), QColor("#2b2f36"), QColor("#e6e6e6")
_QUIET, _GOOD, _BAD = QColor("#9a9a9a"), QColor("#6fcf6f"), QColor("#ff7b6b")
_LIGHT, _WARN = QColor("#7aa6ff"), QColor("#f0c060")
_COVERED, _CORNER = QColor(111, 207, 111, 70), QColor("#ffd54a")
_FOOT = 40
_WHITE = 250
_TOO_BRIGHT = 0.01
"""Share of pixels as bright as can be that is too much."""
_SLOW = 0.9
_HALF = 0.5
_SHARP = 0.97
_OVER = "no more frames: see the events"


class CameraTile(QWidget):
    """Paints the newest picture of a camera; below it, light, focus, frames and queue.

    Parameters
    ----------
    name
        Of the camera.
    fps
        Frames a second that are wanted of it.
    """

    enlarge_asked = Signal(str)
    """The tile was double-clicked."""
    zoomed = Signal()

    def __init__(self, name: str, fps: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = name
        self.fps = fps
        self.shows_saturation = True
        self.zoom = 1
        self.is_paused = False
        self._centre = QPointF(0.5, 0.5)
        self._picture: Picture | None = None
        self._image: QImage | None = None
        self._counts: CameraCounts | None = None
        self._best_focus = 0.0
        self._cells: IntArray | None = None
        self._corners: FloatArray | None = None
        self.setMinimumSize(160, 140)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setToolTip(
            "Wheel: zoom. Double-click: this camera alone, and back. Red: as bright as can be. "
            "Below at the right: how full the queue to the encoder is"
        )

    @property
    def wanted_width(self) -> int:
        """Width of the picture that fills it (px of the camera), at the present zoom."""
        return max(64, round(self.width() * self.devicePixelRatioF()) * self.zoom)

    def show_picture(self, picture: Picture) -> None:
        """Show what the camera sees."""
        self._picture = picture
        self._best_focus = max(picture.focus, self._best_focus)
        self._image = _to_qimage(picture.image, red_where_white=self.shows_saturation)
        self.is_paused = False
        self.update()

    def show_board(self, cells: IntArray | None, corners: FloatArray | None) -> None:
        """Show where a board was so far (8, 8), and where it is now (N, 2); None: nothing."""
        self._cells, self._corners = cells, corners
        self.update()

    def show_counts(self, counts: CameraCounts) -> None:
        """Show how its frames come."""
        self._counts = counts
        self.update()

    def forget_focus(self) -> None:
        """Compare focus with what is seen from now on."""
        self._best_focus = 0.0

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint all."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), _GROUND)
        room = QRectF(0, 0, self.width(), self.height() - _FOOT)
        self._paint_picture(painter, room)
        self._paint_name(painter)
        self._paint_foot(painter, QRectF(0, room.height(), self.width(), _FOOT))
        painter.end()

    def _paint_picture(self, painter: QPainter, room: QRectF) -> None:
        if self._image is None:
            painter.setPen(_QUIET)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter, self._waiting_for)
            return
        source = self._source(self._image)
        scale = min(room.width() / source.width(), room.height() / source.height())
        width, height = source.width() * scale, source.height() * scale
        goal = QRectF((room.width() - width) / 2, (room.height() - height) / 2, width, height)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 2)
        painter.drawImage(goal, self._image, source)
        if self._cells is not None:
            painter.save()
            painter.setClipRect(goal)
            self._paint_board(painter, goal, source)
            painter.restore()
        if self._is_lost or self.is_paused:
            painter.fillRect(goal, QColor(0, 0, 0, 140))
            painter.setPen(_BAD if self._is_lost else _WARN)
            told = (
                "no more frames: see the events"
                if self._is_lost
                else "encoders are busy: no pictures"
            )
            painter.drawText(goal, Qt.AlignmentFlag.AlignCenter, told)

    def _paint_board(self, painter: QPainter, goal: QRectF, source: QRectF) -> None:
        """Parts of the image that the board has been in are green; its corners, dots."""
        assert self._image is not None
        assert self._cells is not None
        scale = goal.width() / source.width()
        whole = QRectF(
            goal.left() - source.left() * scale,
            goal.top() - source.top() * scale,
            self._image.width() * scale,
            self._image.height() * scale,
        )
        rows, columns = self._cells.shape
        wide, tall = whole.width() / columns, whole.height() / rows
        for row, column in np.argwhere(self._cells > 0).tolist():
            place = QRectF(whole.left() + column * wide, whole.top() + row * tall, wide, tall)
            painter.fillRect(place.adjusted(0.5, 0.5, -0.5, -0.5), _COVERED)
        if self._corners is not None:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(_CORNER)
            for x, y in self._corners.tolist():
                at = QPointF(whole.left() + x * whole.width(), whole.top() + y * whole.height())
                painter.drawEllipse(at, 2.5, 2.5)

    @property
    def _waiting_for(self) -> str:
        if self._is_lost:
            return _OVER
        return "waiting for a first frame …"

    @property
    def _is_lost(self) -> bool:
        return self._counts is not None and self._counts.state is CameraState.LOST

    def _source(self, image: QImage) -> QRectF:
        """Part of the picture that is shown."""
        width, height = image.width() / self.zoom, image.height() / self.zoom
        left = min(max(self._centre.x() * image.width() - width / 2, 0), image.width() - width)
        top = min(max(self._centre.y() * image.height() - height / 2, 0), image.height() - height)
        return QRectF(left, top, width, height)

    def _paint_name(self, painter: QPainter) -> None:
        painter.setFont(_font(11, bold=True))
        text = self.name if self.zoom == 1 else f"{self.name}  {self.zoom}x"
        width = painter.fontMetrics().horizontalAdvance(text) + 12
        painter.fillRect(QRectF(0, 0, width, 20), QColor(0, 0, 0, 150))
        painter.setPen(_TEXT)
        painter.drawText(QRectF(6, 0, width, 20), Qt.AlignmentFlag.AlignVCenter, text)

    def _paint_foot(self, painter: QPainter, room: QRectF) -> None:
        painter.setFont(_font(10))
        left, top = room.left() + 6, room.top() + 2
        half = (room.width() - 18) / 2
        self._paint_light(painter, QRectF(left, top, half, _FOOT - 20))
        self._paint_focus(painter, QRectF(left + half + 6, top, half, _FOOT - 20))
        self._paint_frames(painter, QRectF(left, room.bottom() - 18, room.width() - 12, 16))

    def _paint_light(self, painter: QPainter, room: QRectF) -> None:
        """Levels from black to white, and how much is too bright."""
        painter.fillRect(room, _BAR)
        if self._picture is None:
            return
        heights = np.sqrt(self._picture.histogram / max(float(self._picture.histogram.max()), 1e-9))
        step = room.width() / len(heights)
        for i, height in enumerate(heights.tolist()):
            tall = height * room.height()
            bar = QRectF(room.left() + i * step, room.bottom() - tall, step, tall)
            painter.fillRect(bar, _BAD if i == len(heights) - 1 and self._is_too_bright else _LIGHT)
        if self._is_too_bright:
            painter.setPen(_BAD)
            told = f"{100 * self._picture.saturated:.0f} % too bright"
            painter.drawText(room, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, told)

    @property
    def _is_too_bright(self) -> bool:
        return self._picture is not None and self._picture.saturated > _TOO_BRIGHT

    def _paint_focus(self, painter: QPainter, room: QRectF) -> None:
        """Sharpness beside the best so far."""
        painter.fillRect(room, _BAR)
        if self._picture is None or not self._best_focus:
            return
        share = self._picture.focus / self._best_focus
        bar = QRectF(room.left(), room.top(), room.width() * share, room.height())
        painter.fillRect(bar, QColor("#3f6f4f") if share > _SHARP else QColor("#3d4b66"))
        painter.setPen(_TEXT)
        told = f"focus {100 * share:.0f} % of best"
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, told)

    def _paint_frames(self, painter: QPainter, room: QRectF) -> None:
        counts = self._counts
        if counts is None:
            return
        is_slow = counts.state is CameraState.RUNNING and counts.fps < _SLOW * self.fps
        painter.setPen(_WARN if is_slow else _TEXT)
        warm = "" if counts.temperature_c is None else f"  {counts.temperature_c:.0f} °C"
        painter.drawText(room, Qt.AlignmentFlag.AlignLeft, f"{counts.fps:.1f} fps{warm}")
        painter.setPen(_BAD if counts.missing else _QUIET)
        missing = f"{counts.missing:,} missing" if counts.missing else "none missing"
        painter.drawText(room, Qt.AlignmentFlag.AlignHCenter, missing)
        gauge = QRectF(room.right() - 52, room.top() + 3, 52, 9)
        painter.fillRect(gauge, _BAR)
        full = QRectF(
            gauge.left(), gauge.top(), gauge.width() * min(1, counts.fill), gauge.height()
        )
        painter.fillRect(full, _GOOD if counts.fill < 0.5 else _BAD)
        painter.setPen(QPen(_QUIET, 1))
        painter.drawRect(gauge)

    def mouseDoubleClickEvent(self, event: QMouseEvent | None) -> None:
        """Show this camera alone, or all again."""
        self.enlarge_asked.emit(self.name)

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Zoom where the mouse is."""
        if event is None or self._image is None:
            return
        place = event.position()
        step = 1 if event.angleDelta().y() > 0 else -1
        level = min(max(ZOOMS.index(self.zoom) + step, 0), len(ZOOMS) - 1)
        if self.zoom == 1:
            self._centre = QPointF(
                place.x() / self.width(), place.y() / max(1, self.height() - _FOOT)
            )
        self.zoom = ZOOMS[level]
        self.zoomed.emit()
        self.update()
        event.accept()


def _to_qimage(image: np.ndarray, *, red_where_white: bool) -> QImage:
    """An image of its own memory; what is as bright as can be is red."""
    rgb = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy()
    if red_where_white:
        rgb[rgb.min(axis=2) >= _WHITE] = (255, 40, 40)
    height, width = rgb.shape[:2]
    return QImage(rgb.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()


def _font(size: int, *, bold: bool = False) -> QFont:
    font = QFont()
    font.setPixelSize(size)
    font.setBold(bold)
    return font
