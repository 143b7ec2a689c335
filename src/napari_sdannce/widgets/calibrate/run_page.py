"""A calibration while it runs: how far it is, and where the board was seen so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_sdannce.jobs.background import State
from napari_sdannce.widgets.calibrate.coverage_view import CoverageView
from napari_sdannce.widgets.job_view import JobView

if TYPE_CHECKING:
    from napari_sdannce.jobs.background import BackgroundJob

_LOOK_MS = 250


class CalibrationView(JobView):
    """Follows a calibration, with the coverage beside what it says."""

    ended = Signal()
    """It ended while it was followed, or before the first look at it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        self.coverage = CoverageView()
        super().__init__(parent)

    def _add_tabs(self, job: BackgroundJob) -> None:
        self.coverage.show_coverage(None)
        self.tabs.addTab(self.coverage, "Coverage")
        super()._add_tabs(job)

    def look(self) -> None:
        """Take in what it has said, and notice its end."""
        before = self.state
        super().look()
        if self.state is not before and self.state is not State.RUNNING:
            self.ended.emit()

    def _show(self) -> None:
        super()._show()
        so_far = self.course.done < self.course.total  # stopped: others were not looked at yet
        self.coverage.show_coverage(self.course.coverage, so_far=so_far)


class RunPage(QWidget):
    """The calibration that was started last, or found running."""

    ended = Signal(object)
    """The `BackgroundJob` ended while it was followed, or before the first look at it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.nothing = QLabel("Nothing runs. Choose images and a board, then press 'Calibrate'.")
        self.nothing.setWordWrap(True)
        self.view = CalibrationView()
        self.view.ended.connect(lambda: self.ended.emit(self.view.job))
        self.on_its_own = QLabel(
            "It goes on when napari is closed; choose the same folder to find it again."
        )
        self.on_its_own.setWordWrap(True)
        self.on_its_own.setStyleSheet("color: #9a9a9a; font-size: 11px")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.addWidget(self.nothing)
        layout.addWidget(self.view, stretch=1)
        layout.addWidget(self.on_its_own)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        self.follow(None)

    @property
    def job(self) -> BackgroundJob | None:
        """What is followed."""
        return self.view.job

    @property
    def is_running(self) -> bool:
        """Whether it still runs."""
        return self.view.job is not None and self.view.state is State.RUNNING

    def follow(self, job: BackgroundJob | None) -> None:
        """Follow a job; None: none."""
        self.view.follow(job)
        self.nothing.setVisible(job is None)
        self.view.setVisible(job is not None)
        self._show()
        if self.is_running:
            self._timer.start()

    def look(self) -> None:
        """See how it goes."""
        self.view.look()
        self._show()
        if not self.is_running:
            self._timer.stop()

    def _show(self) -> None:
        self.on_its_own.setVisible(self.is_running)
