"""A calibration that is done: its verdict, its cameras, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.calibration.findings import Grade
from napari_sdannce.calibration.report.words import HEADLINES
from napari_sdannce.jobs.checks import Check
from napari_sdannce.widgets.breakable import SelectableLabel, breakable
from napari_sdannce.widgets.calibrate.accept_box import AcceptBox
from napari_sdannce.widgets.calibrate.camera_results import CameraResults
from napari_sdannce.widgets.calibrate.corner_marks import FACTORS, CornerMarks
from napari_sdannce.widgets.calibrate.grades import VERDICTS
from napari_sdannce.widgets.calibrate.world_box import WorldBox
from napari_sdannce.widgets.check_lines import CheckLines

if TYPE_CHECKING:
    from napari_sdannce.calibration.report.saved_report import SavedReport
    from napari_sdannce.widgets.calibrate.board_layers import BoardLayers
    from napari_sdannce.widgets.calibrate.opened_calibration import OpenedCalibration

_BANNERS = {
    Grade.GOOD: ("#1f5c37", "#b8f0cc"),
    Grade.USABLE: ("#6b5312", "#ffe3a0"),
    Grade.RECORD_AGAIN: ("#6e2a24", "#ffc9c2"),
}
_SHORTEST = 0.01
_LEGEND = (
    'Rings: corners found, <span style="color:#59d999">green</span> where the calibration has '
    'them, <span style="color:#fad94d">yellow</span> at ½ px from there, '
    '<span style="color:#ff594d">red</span> at 2 px or more. '
    '<span style="color:#ff4dff">Magenta dots</span>: left out. Lines lead to where the '
    "calibration has them; those of corners that were used are drawn longer than they are:"
)


class ResultPage(QWidget):
    """What there is to know about a calibration, and buttons."""

    open_asked = Signal()
    images_asked = Signal()
    rig_asked = Signal()
    report_asked = Signal()
    accept_asked = Signal()
    again_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.opened: OpenedCalibration | None = None
        self._shown: BoardLayers | None = None
        self.nothing = QLabel(
            "No calibration is open. Calibrate, or open a folder of results (report.json)."
        )
        self.nothing.setWordWrap(True)
        self.banner = QLabel()
        self.banner.setWordWrap(True)
        self.banner.setTextFormat(Qt.TextFormat.RichText)
        self.numbers = SelectableLabel()
        self.findings = CheckLines()
        self.table = CameraResults()
        self.images_button = QPushButton("Show on the images")
        self.rig_button = QPushButton("Show the rig")
        self.accept_button = QPushButton("Use for a recording …")
        self.report_button = QPushButton("Open report")
        self.world_button = QPushButton("Origin and axes …")
        self.again_button = QPushButton("Calibrate again …")
        self.open_button = QPushButton("Open a calibration …")
        self.accept_box = AcceptBox()
        self.accept_box.hide()
        self.world_box = WorldBox()
        self.world_box.hide()
        self.where = SelectableLabel()
        self.where.setStyleSheet("color: #9a9a9a; font-size: 11px")
        self.image_controls = QWidget()
        self.moment = QLabel()
        self.moment.setWordWrap(True)
        self.factor = QComboBox()
        self.factor.addItems([f"{factor} ×" for factor in FACTORS])
        self.factor.currentIndexChanged.connect(self._on_factor)
        self._lay_out()
        self.images_button.clicked.connect(self.images_asked.emit)
        self.rig_button.clicked.connect(self.rig_asked.emit)
        self.accept_button.clicked.connect(self.accept_asked.emit)
        self.report_button.clicked.connect(self.report_asked.emit)
        self.open_button.clicked.connect(self.open_asked.emit)
        self.again_button.clicked.connect(self.again_asked.emit)
        self.world_button.clicked.connect(self._on_world)
        self.show_calibration(None)

    def _lay_out(self) -> None:
        self.body = QWidget()
        buttons = QGridLayout()
        buttons.setContentsMargins(0, 0, 0, 0)
        order = (
            self.images_button, self.rig_button, self.world_button, self.again_button,
            self.accept_button, self.report_button,
        )  # fmt: skip
        for place, button in enumerate(order):
            buttons.addWidget(button, place // 2, place % 2)
        legend = QLabel(_LEGEND)
        legend.setWordWrap(True)
        legend.setStyleSheet("font-size: 11px")
        stretch = QHBoxLayout()
        stretch.addWidget(QLabel("Errors"))
        stretch.addWidget(self.factor)
        stretch.addStretch()
        controls = QVBoxLayout(self.image_controls)
        controls.setContentsMargins(0, 0, 0, 0)
        controls.addWidget(self.moment)
        controls.addWidget(legend)
        controls.addLayout(stretch)
        inside = QVBoxLayout(self.body)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.setSpacing(7)
        inside.addWidget(self.banner)
        inside.addWidget(self.numbers)
        inside.addLayout(buttons)
        below = (
            self.accept_box, self.world_box, self.image_controls, self.table, self.findings,
            self.where,
        )  # fmt: skip
        for widget in below:
            inside.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.setSpacing(8)
        layout.addWidget(self.nothing)
        layout.addWidget(self.body)
        layout.addWidget(self.open_button)
        layout.addStretch()

    def show_calibration(self, opened: OpenedCalibration | None) -> None:
        """Show a calibration; None: none is open."""
        self.opened = opened
        self.nothing.setVisible(opened is None)
        self.body.setVisible(opened is not None)
        self.accept_box.hide()
        self.world_box.hide()
        self.follow_images(None)
        self.open_button.setText("Open a calibration …" if opened is None else "Open another …")
        if opened is None:
            return
        report = opened.report
        title, (ground, color) = HEADLINES[report.grade], _BANNERS[report.grade]
        self.banner.setText(f"<b style='font-size: 15px'>{title}</b><br>{_error_of(report)}")
        self.banner.setStyleSheet(
            f"background: {ground}; color: {color}; padding: 8px; border-radius: 4px"
        )
        self.numbers.setText(_in_numbers(report))
        self.findings.show_checks(
            [Check(VERDICTS[finding.grade], finding.text) for finding in report.told]
        )
        self.findings.setVisible(bool(report.told))
        self.table.fill(report)
        self.where.setText(breakable(f"In {opened.folder}"))
        self.images_button.setEnabled(opened.corners is not None)
        self.images_button.setToolTip(
            "The images of the board, with corners and errors"
            if opened.corners is not None
            else "There is no corners.npz beside the report"
        )
        for button, what in (
            (self.world_button, "Choose where the origin lies and how the axes run"),
            (self.again_button, "With other settings, from the boards that were found: seconds"),
        ):
            button.setEnabled(opened.settings is not None)
            missing = "The boards that were found are not there (boards.npz, calibrate.yaml)"
            button.setToolTip(what if opened.settings is not None else missing)
        self.report_button.setEnabled(opened.page is not None)
        self.report_button.setToolTip(
            "With figures, in the browser" if opened.page is not None else "There is none"
        )

    # images

    def follow_images(self, shown: BoardLayers | None) -> None:
        """Tell of the images on screen; None: there are none."""
        self._shown = shown
        self.images_button.setText("Show on the images" if shown is None else "Hide the images")
        marks = None if shown is None else shown.marks
        self.image_controls.setVisible(isinstance(marks, CornerMarks))
        if isinstance(marks, CornerMarks) and int(marks.factor) in FACTORS:
            self.factor.setCurrentIndex(FACTORS.index(int(marks.factor)))
        self.show_moment(0 if shown is None else shown.moment)

    def _on_world(self) -> None:
        if self.opened is not None:
            self.accept_box.hide()
            self.world_box.begin(self.opened)

    def follow_rig(self, shown: bool) -> None:
        """Tell whether the rig is on screen."""
        self.rig_button.setText("Hide the rig" if shown else "Show the rig")

    def show_moment(self, moment: int) -> None:
        """Tell which moment it is, and who saw the board."""
        shown = self._shown
        self.world_box.show_frame(None if shown is None else shown.frame)
        if shown is None or not isinstance(shown.marks, CornerMarks):
            return
        corners, number = shown.marks.corners, shown.frame
        seen = [corners.names[view] for view in sorted(set(corners.view[corners.moment == number]))]
        self.moment.setText(
            f"Moment {moment + 1} of {shown.n_moments} (frame {number}): "
            f"seen by {', '.join(seen) or 'no camera'}"
        )

    def _on_factor(self, index: int) -> None:
        if self._shown is not None and isinstance(self._shown.marks, CornerMarks):
            self._shown.marks.stretch(float(FACTORS[index]))


def _error_of(report: SavedReport) -> str:
    """How far off half of the corners are at most."""
    if report.error_px is None:
        return ""
    how = "not fitted to" if report.holdout_px is not None else "fitted to: there are no others"
    return (
        f"Half of the corners are closer than {report.error_px:.2f} px, at moments that the "
        f"cameras were {how}"
    )


def _within(length: float) -> str:
    """A small length, no more exact than anybody needs it."""
    return f"to {length:.2f}" if length >= _SHORTEST else f"to better than {_SHORTEST}"


def _in_numbers(report: SavedReport) -> str:
    """What else was measured, in a few words."""
    parts = []
    if report.position_sigma_mm is not None:
        parts.append(f"positions are known {_within(report.position_sigma_mm)} mm")
    if report.rigid_residual_mm is not None:
        parts.append(f"boards keep their shape {_within(report.rigid_residual_mm)} mm")
    told = f"; {', '.join(parts)}" if parts else ""
    return f"From {report.frames:,} moments{told}."
