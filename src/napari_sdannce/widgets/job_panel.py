"""The panels "COM", "Train" and "Predict": set a job up, start it, follow it, load its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QLabel, QTabWidget, QVBoxLayout, QWidget

from napari_sdannce.jobs.background import jobs_of
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.experiment_list import ExperimentList, ListedExperiment
from napari_sdannce.widgets.frame_preview import FramePreview
from napari_sdannce.widgets.job_kinds import (
    PREDICT_COM,
    PREDICT_POSES,
    TRAIN_COM,
    TRAIN_DANNCE,
    TRAIN_SDANNCE,
)
from napari_sdannce.widgets.job_results import Result, show_result
from napari_sdannce.widgets.jobs_page import JobsPage
from napari_sdannce.widgets.recording_layers import shown_in
from napari_sdannce.widgets.scrolled import scrolled
from napari_sdannce.widgets.setup_page import SetupPage

if TYPE_CHECKING:
    import napari
    from qtpy.QtGui import QHideEvent, QShowEvent

    from napari_sdannce.jobs.background import BackgroundJob
    from napari_sdannce.widgets.job_kinds import JobKind


class JobPanel(QWidget):
    """A tab for each kind of job, and one for the jobs themselves.

    Parameters
    ----------
    napari_viewer
        The viewer; napari hands it over.
    """

    title = ""
    kinds: tuple[JobKind, ...] = ()

    def __init__(self, napari_viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = napari_adapter.real_viewer(napari_viewer)
        self.experiments = ExperimentList()
        self.pages = {kind.what: SetupPage(kind, self.experiments) for kind in self.kinds}
        self.jobs = JobsPage(self.experiments, tuple(self.pages))
        self.jobs.load_asked.connect(self.load)
        self.jobs.message.connect(self.say)
        self.jobs.counted.connect(self._on_count)
        self.tabs = QTabWidget()
        for kind in self.kinds:
            page = self.pages[kind.what]
            page.started.connect(self._on_started)
            page.message.connect(self.say)
            self.tabs.addTab(page, kind.title)
        self._jobs_tab = self.tabs.addTab(scrolled(self.jobs), "Jobs")
        self._taken: ListedExperiment | None = None
        self._said = ""
        self._status = QLabel()
        self._status.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.experiments)
        layout.addWidget(self.tabs, stretch=1)
        layout.addWidget(self._status)
        self.setMinimumWidth(380)
        napari_adapter.later(self._as_tab)
        self._take_shown()
        self.viewer.layers.events.inserted.connect(self._on_inserted)

    # what is said

    @property
    def status(self) -> str:
        """The line at the bottom."""
        return self._said

    def say(self, text: str, trouble: bool = False) -> None:
        """Write the line at the bottom; trouble stands out."""
        self._said = text
        self._status.setText(breakable(text))
        self._status.setStyleSheet("color: #ff8c69; font-weight: bold" if trouble else "")
        self._status.setToolTip(text)

    def _as_tab(self) -> None:
        napari_adapter.as_tab(self, self.title)

    # experiments

    def _on_inserted(self, event: object = None) -> None:
        # layers that napari has read are taken for a recording after it has heard of them, too
        napari_adapter.later(lambda: napari_adapter.later(self._take_shown))

    def _take_shown(self) -> None:
        """The recording on screen is one of the experiments.

        It takes the place of the one that was on screen before, when nothing was done with that
        one: what a person looks at in passing is not to be learned from.
        """
        shown = shown_in(self.viewer)
        if shown is None or shown.recording.folder in self.experiments.folders:
            return
        before, self._taken = self._taken, ListedExperiment(shown.recording.folder)
        if before is not None and self._is_untouched(before):
            self.experiments.put_in_place([self._taken])
        else:
            self.experiments.add([self._taken.folder])

    def _is_untouched(self, taken: ListedExperiment) -> bool:
        """Whether an experiment is the only one, as it was when it was taken from the screen."""
        alone = [(each.folder, dict(each.values)) for each in self.experiments.experiments]
        return alone == [(taken.folder, {})] and not jobs_of(taken.folder)

    # jobs

    def showEvent(self, event: QShowEvent | None) -> None:
        """Watch the jobs while on screen."""
        super().showEvent(event)
        self.jobs.watch(True)

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Watch no more."""
        super().hideEvent(event)
        self.jobs.watch(False)

    def _on_started(self, job: BackgroundJob) -> None:
        self.jobs.follow(job)
        self.tabs.setCurrentIndex(self._jobs_tab)
        self.say("")

    def _on_count(self, running: int) -> None:
        title = f"Jobs ({running} running)" if running else "Jobs"
        self.tabs.setTabText(self._jobs_tab, title)

    def load(self, result: Result) -> None:
        """Show what a prediction made, or predict with what a training made."""
        if result.found is None:
            self.use_network(result)
            return
        panel = napari_adapter.open_panel(self.viewer)
        if panel is not None:
            show_result(panel, result)

    def use_network(self, result: Result) -> None:
        """Open the form of the prediction with a network that was trained."""
        kind = PREDICT_COM if result.of_coms else PREDICT_POSES
        panel: Any = self
        if kind.what not in self.pages:
            panel = napari_adapter.open_panel(self.viewer, "Predict")
        if panel is not None:
            panel.predict_with(kind, result)

    def predict_with(self, kind: JobKind, result: Result) -> None:
        """Show the form of a prediction, its network filled in."""
        page = self.pages[kind.what]
        page.form.rows[("checkpoint",)].editor.set(result.path)
        self.experiments.add([result.experiment])
        self.tabs.setCurrentIndex(list(self.pages).index(kind.what))


class ComPanel(JobPanel):
    """Finds animals: trains the network of their centres of mass, and predicts with it."""

    title = "COM"
    kinds = (TRAIN_COM, PREDICT_COM)


class TrainPanel(JobPanel):
    """Trains the networks that find keypoints."""

    title = "Train"
    kinds = (TRAIN_DANNCE, TRAIN_SDANNCE)


class PredictPanel(JobPanel):
    """Predicts poses, of one frame or of all."""

    title = "Predict"
    kinds = (PREDICT_POSES,)

    def __init__(self, napari_viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, parent)
        page = self.pages[PREDICT_POSES.what]
        self.preview = FramePreview(self.viewer, page)
        self.preview.message.connect(self.say)
        page.add_below(self.preview)
