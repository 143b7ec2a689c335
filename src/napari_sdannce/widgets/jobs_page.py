"""The jobs of the chosen experiments, one of them followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QSignalBlocker, QTimer, Signal
from qtpy.QtWidgets import QComboBox, QLabel, QVBoxLayout, QWidget

from napari_sdannce.jobs.background import State, jobs_of
from napari_sdannce.jobs.starting import go_on
from napari_sdannce.widgets.job_view import JobView
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.jobs.background import BackgroundJob
    from napari_sdannce.widgets.experiment_list import ExperimentList

_LOOK_MS = 500
_LOOKS_A_LIST = 10
_NAMES: dict[tuple[str, ...], str] = {
    ("train", "com"): "Train COM",
    ("predict", "com"): "Predict COM",
    ("train", "dannce"): "Train DANNCE",
    ("train", "sdannce"): "Train s-DANNCE",
    ("predict", "dannce"): "Predict poses",
    ("predict", "sdannce"): "Predict poses",
}


class JobsPage(QWidget):
    """Jobs of experiments: those this panel can start, whoever started them.

    Parameters
    ----------
    experiments
        Whose jobs are listed.
    kinds
        Words of the commands that are listed.
    """

    load_asked = Signal(object)
    message = Signal(str, bool)
    counted = Signal(int)
    """How many of the listed jobs are running."""

    def __init__(
        self,
        experiments: ExperimentList,
        kinds: tuple[tuple[str, ...], ...],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._experiments = experiments
        self._kinds = kinds
        self.jobs: tuple[BackgroundJob, ...] = ()
        self._looks = 0
        self._ended: dict[Path, State] = {}
        self.nothing = QLabel("No jobs yet. What you start here goes on when napari is closed.")
        self.nothing.setWordWrap(True)
        self.choice = QComboBox()
        policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        self.choice.setSizeAdjustPolicy(policy)
        self.choice.currentIndexChanged.connect(self._on_choice)
        self.view = JobView()
        self.view.load_asked.connect(self.load_asked.emit)
        self.view.go_on_asked.connect(self._on_go_on)
        self.on_its_own = QLabel("It goes on when napari is closed, and is found again here.")
        self.on_its_own.setWordWrap(True)
        self.on_its_own.setStyleSheet("color: #9a9a9a; font-size: 11px")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.addWidget(self.nothing)
        layout.addWidget(self.choice)
        layout.addWidget(self.view, stretch=1)
        layout.addWidget(self.on_its_own)
        layout.addStretch()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self.look)
        experiments.changed.connect(self.refresh)
        self.refresh()

    def watch(self, wanted: bool) -> None:
        """Look regularly, or no more: jobs go on without being looked at."""
        if wanted:
            self.refresh()
            self._timer.start()
        else:
            self._timer.stop()

    def refresh(self) -> None:
        """List the jobs anew; the followed one stays, or else the newest is followed."""
        found = {job.folder: job for folder in self._experiments.folders for job in jobs_of(folder)}
        mine = [job for job in found.values() if job.note.what in self._kinds]
        self.jobs = tuple(sorted(mine, key=lambda job: job.note.started, reverse=True))
        followed = self.view.job
        with QSignalBlocker(self.choice):
            self.choice.clear()
            self.choice.addItems([self._title(job) for job in self.jobs])
        self.nothing.setVisible(not self.jobs)
        self.choice.setVisible(bool(self.jobs))
        self.view.setVisible(bool(self.jobs))
        rows = [
            row for row, job in enumerate(self.jobs) if followed is not None and job == followed
        ]
        self.choose(rows[0] if rows else 0)
        self._count()

    def follow(self, job: BackgroundJob) -> None:
        """Follow a job that was just started."""
        self.refresh()
        rows = [row for row, each in enumerate(self.jobs) if each.folder == job.folder]
        self.choose(rows[0] if rows else 0)

    def choose(self, row: int) -> None:
        """Follow the job of this row."""
        with QSignalBlocker(self.choice):
            self.choice.setCurrentIndex(row)
        job = self.jobs[row] if row < len(self.jobs) else None
        if job != self.view.job:
            self.view.follow(job)
        self.on_its_own.setVisible(job is not None and self.view.state is State.RUNNING)

    def look(self) -> None:
        """Look how the followed job goes, and whether others have ended."""
        self.view.look()
        self.on_its_own.setVisible(self.view.state is State.RUNNING)
        for row, job in enumerate(self.jobs):
            if job.folder not in self._ended:
                self.choice.setItemText(row, self._title(job))
        self._count()
        self._looks += 1
        popup = self.choice.view()
        is_open = popup is not None and popup.isVisible()
        if self._looks % _LOOKS_A_LIST == 0 and not is_open:
            self.refresh()  # others may have started some, too

    def _on_go_on(self, job: BackgroundJob) -> None:
        try:
            self.follow(go_on(job))
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be started: {in_plain_words(error)}", True)

    def _on_choice(self, row: int) -> None:
        if row >= 0:
            self.choose(row)

    def _count(self) -> None:
        self.counted.emit(sum(job.folder not in self._ended for job in self.jobs))

    def _title(self, job: BackgroundJob) -> str:
        state = self._state(job)
        name = _NAMES.get(job.note.what, " ".join(job.note.what))
        return f"{name}, {job.note.started:%d %b %H:%M:%S}, {state}"

    def _state(self, job: BackgroundJob) -> State:
        """How a job stands; those that have ended are not asked again."""
        if job.folder in self._ended:
            return self._ended[job.folder]
        state = job.state()
        if state is not State.RUNNING:
            self._ended[job.folder] = state
        return state
