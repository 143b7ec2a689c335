"""Where the world's origin lies and how its axes run: chosen after the calibration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.findings import Grade
from napari_sdannce.calibration.quality.verdict import lengths_of
from napari_sdannce.calibration.world import MeasuredPoints
from napari_sdannce.calibration.world_points import read_world_points
from napari_sdannce.jobs.checks import Check, careful, good, sentence
from napari_sdannce.widgets.calibrate.clicked_points import ClickedPoints
from napari_sdannce.widgets.calibrate.grades import VERDICTS
from napari_sdannce.widgets.calibrate.points_table import PointsTable
from napari_sdannce.widgets.check_lines import CheckLines
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.settings.calibrate import World
    from napari_sdannce.widgets.calibrate.opened_calibration import OpenedCalibration

_WORLDS: dict[World, tuple[str, str]] = {
    "first-camera": ("the first camera", "Its axes: x to the right, y down, z ahead."),
    "board": (
        "the board at a moment",
        "Origin at the board's first corner, x along its rows, z up from it.",
    ),
    "floor": (
        "the floor that the board lies on",
        "Origin in the middle of the board, z up; several moments tell the floor better.",
    ),
    "points": (
        "points that I measured",
        "As the posts of an L-frame, or corners of the arena: type where they are, select one, and "
        "click it in every camera that shows it.",
    ),
}


class WorldBox(QGroupBox):
    """Chooses a world, takes points, and says how they fit."""

    asked = Signal(str, object)
    """This world is wanted, with these frames (a tuple)."""
    images_asked = Signal(object)
    """The images in this folder are to be clicked in; None: those of the board."""
    closed = Signal()
    message = Signal(str, bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Origin and axes", parent)
        self.opened: OpenedCalibration | None = None
        self.measured = ClickedPoints(())
        self.frames: list[int] = []
        self._fits = False
        self._frame: int | None = None
        self.where = QComboBox()
        self.where.addItems([text for text, _ in _WORLDS.values()])
        self.about = QLabel()
        self.about.setWordWrap(True)
        self.about.setStyleSheet("color: #9a9a9a; font-size: 11px")
        self.add_frame = QPushButton("Add this moment")
        self.clear_frames = QPushButton("Clear")
        self.table = PointsTable()
        self.add_point = QPushButton("+")
        self.add_point.setToolTip("Add a point")
        self.remove_point = QPushButton("−")
        self.remove_point.setToolTip("Take the selected point away")
        self.load_button = QPushButton("Load …")
        self.load_button.setToolTip("A table of points (.csv: camera, point, x, y, X, Y, Z)")
        self.images_button = QPushButton("Click in the images")
        self.images_button.setToolTip("All images that the calibration was made from")
        self.others_button = QPushButton("in others …")
        self.others_button.setToolTip("Of the same cameras, as a recording of an L-frame")
        self.lines = CheckLines()
        self.set_button = QPushButton("Set it")
        self.set_button.setStyleSheet("font-weight: bold")
        self.cancel_button = QPushButton("Close")
        self._lay_out()
        self.where.currentIndexChanged.connect(self._on_where)
        self.add_frame.clicked.connect(self._on_add_frame)
        self.clear_frames.clicked.connect(self._on_clear_frames)
        self.add_point.clicked.connect(lambda: self.measured.add())
        self.remove_point.clicked.connect(lambda: self.measured.remove())
        self.load_button.clicked.connect(self._ask_for_table)
        self.images_button.clicked.connect(lambda: self.images_asked.emit(None))
        self.others_button.clicked.connect(self._ask_for_images)
        self.set_button.clicked.connect(self._on_set)
        self.cancel_button.clicked.connect(self._on_close)

    def _lay_out(self) -> None:
        self.frames_part, self.points_part = QWidget(), QWidget()
        frames = QHBoxLayout(self.frames_part)
        frames.addWidget(self.add_frame, stretch=1)
        frames.addWidget(self.clear_frames)
        buttons, images, last = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        for button in (self.add_point, self.remove_point):
            button.setFixedWidth(28)
            buttons.addWidget(button)
        buttons.addWidget(self.load_button)
        buttons.addStretch()
        images.addWidget(self.images_button, stretch=1)
        images.addWidget(self.others_button)
        points = QVBoxLayout(self.points_part)
        points.addWidget(self.table)
        points.addLayout(buttons)
        points.addLayout(images)
        last.addWidget(self.set_button, stretch=1)
        last.addWidget(self.cancel_button)
        for inner in (frames, points):
            inner.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 14, 8, 8)
        for widget in (self.where, self.about, self.frames_part, self.points_part, self.lines):
            layout.addWidget(widget)
        layout.addLayout(last)

    @property
    def world(self) -> World:
        """What is chosen."""
        return list(_WORLDS)[self.where.currentIndex()]

    @property
    def is_clicking(self) -> bool:
        """Whether points are to be clicked."""
        return not self.isHidden() and self.world == "points"

    def begin(self, opened: OpenedCalibration) -> None:
        """Choose for a calibration."""
        if self.opened is not opened:
            self.opened, self.frames = opened, []
            self.measured = ClickedPoints([camera.name for camera in opened.cameras])
            self.measured.changed.connect(self._check)
            self.table.show_points(self.measured)
            if opened.points is not None:
                self.load(opened.points)
            else:
                self.measured.add()
        self.show()
        self._on_where()

    def show_frame(self, frame: int | None) -> None:
        """Tell which moment is on screen; None: none."""
        self._frame = frame
        self._check()

    def load(self, path: Path) -> None:
        """Take the points of a table."""
        try:
            some = self.opened is not None and bool(self.opened.report.settings.cameras)
            self.measured.fill(*read_world_points(path, self.measured.cameras, some=some))
        except FILE_ERRORS as error:
            self.message.emit(in_plain_words(error), True)

    def _ask_for_table(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Measured points", filter="Tables (*.csv)")
        if path:
            self.load(Path(path))

    def _ask_for_images(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Images of the same cameras to click in")
        if folder:
            self.images_asked.emit(Path(folder))

    def _on_where(self) -> None:
        self.about.setText(_WORLDS[self.world][1])
        self.frames_part.setVisible(self.world in ("board", "floor"))
        self.points_part.setVisible(self.world == "points")
        self._check()

    def _on_add_frame(self) -> None:
        assert self._frame is not None
        kept = self.frames if self.world == "floor" else []
        self.frames = sorted({*kept, self._frame})
        self._check()

    def _on_clear_frames(self) -> None:
        self.frames = []
        self._check()

    def _check(self) -> None:
        if self.opened is None:
            return
        corners = self.opened.corners
        can_lie = corners is not None and self._frame in corners.moments
        self.add_frame.setEnabled(can_lie)
        self.clear_frames.setEnabled(bool(self.frames))
        self.add_frame.setText(
            f"Add frame {self._frame}" if can_lie else "Add the moment on screen"
        )
        checks = list(self._told())
        self.lines.show_checks(checks)
        self.lines.setVisible(bool(checks))
        ready = {"first-camera": True, "points": self._fits}.get(self.world, bool(self.frames))
        self.set_button.setEnabled(ready)

    def _told(self) -> Iterator[Check]:
        """What is chosen, and what is still missing."""
        self._fits = False
        if self.world in ("board", "floor"):
            if self.frames:
                yield good(f"The board lies there at frame {', '.join(map(str, self.frames))}")
            elif self._frame is None:
                yield careful("Press 'Show on the images' and go to where the board lies there")
            else:
                yield careful("Go to a moment at which the board lies there, and add it")
        elif self.world == "points":
            yield from self._measured()

    def _measured(self) -> Iterator[Check]:
        assert self.opened is not None
        clicked = self.measured
        try:
            measured = MeasuredPoints.clicked(
                self.opened.cameras, clicked.labels, clicked.pixels, clicked.points
            )
        except CalibrationError as error:
            yield careful(sentence(error))
            return
        self._fits = measured.tell_frame
        if self.opened.board is not None:
            told = lengths_of(measured, self.opened.board)
            is_right = told.grade is Grade.GOOD
            yield good(told.text) if is_right else Check(VERDICTS[told.grade], told.text)
        if self._fits:
            errors = measured.errors_mm
            worst = int(np.nanargmax(errors))
            yield good(f"{measured.labels[worst]} fits worst, by {errors[worst]:.2f} mm")
        else:
            yield careful("Three points that are not on one line tell where the world lies")

    def _on_set(self) -> None:
        self.asked.emit(self.world, tuple(self.frames))

    def _on_close(self) -> None:
        self.hide()
        self.closed.emit()
