"""Setting up a job: its settings, what to look at before, and the button that starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sdannce.jobs.starting import start_job
from napari_sdannce.settings import ExperimentSettings
from napari_sdannce.widgets.check_lines import CheckLines
from napari_sdannce.widgets.load_settings import ask_for_settings
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words
from napari_sdannce.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.jobs.checks import Check
    from napari_sdannce.settings import Settings
    from napari_sdannce.widgets.experiment_list import ExperimentList
    from napari_sdannce.widgets.job_kinds import JobKind

_PAUSE_MS = 400
"""How long nothing must be typed before the check looks again."""


class SetupPage(QWidget):
    """The form of one kind of job.

    Parameters
    ----------
    kind
        Which.
    experiments
        What it works on; shared with the other pages of the panel.
    """

    started = Signal(object)
    """A `BackgroundJob` was started."""
    checked = Signal()
    message = Signal(str, bool)

    def __init__(
        self, kind: JobKind, experiments: ExperimentList, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.kind = kind
        self.experiments = experiments
        self._worker: Any = None
        self._stale = False
        without = ("experiments",) if kind.is_training else ("experiment",)
        self.form = SettingsForm(kind.settings, kind.first, without)
        self.form.changed.connect(self.look_again)
        self.one = SettingsForm(ExperimentSettings, (), ("folder",)) if kind.is_training else None
        self.lines = CheckLines()
        self.start_button = QPushButton("Start")
        self.start_button.setStyleSheet("font-weight: bold; padding: 6px")
        self.start_button.clicked.connect(self.start)
        self.file_button = QPushButton("Load settings …")
        self.file_button.setToolTip("Take over the settings of a YAML file, as runs note them")
        self.file_button.clicked.connect(self._ask_for_file)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self.check)
        experiments.changed.connect(self.look_again)
        experiments.chosen.connect(self.look_again)
        self._lay_out()
        self.look_again()

    def _lay_out(self) -> None:
        purpose = QLabel(self.kind.purpose)
        purpose.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 6, 4, 4)
        layout.setSpacing(6)
        layout.addWidget(purpose)
        layout.addWidget(self.form)
        if self.one is not None:
            self.one.changed.connect(self.look_again)
            self.one.more.setText("Cameras and labels")
            layout.addWidget(self.one)
        layout.addWidget(_heading("Before you start"))
        layout.addWidget(self.lines)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start_button, stretch=1)
        buttons.addWidget(self.file_button)
        layout.addLayout(buttons)
        layout.addStretch()

    def add_below(self, widget: QWidget) -> None:
        """Put something below the buttons."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(layout.count() - 1, widget)

    # settings

    @property
    def chosen_experiments(self) -> tuple[Path, ...]:
        """What the job would work on: a training on all, a prediction on the chosen one."""
        if self.kind.is_training:
            return self.experiments.folders
        current = self.experiments.current
        return () if current is None else (current,)

    def settings(self) -> Settings | None:
        """What is asked for; None when something is wrong, which the form then says."""
        folders = self.chosen_experiments
        if self.one is None:
            return self.form.settings(**({"experiment": folders[0]} if folders else {}))
        each = [self.one.settings(folder=folder) for folder in folders]
        if None in each:
            return None
        return self.form.settings(
            experiments=[one.model_dump(exclude_unset=True) for one in each if one]
        )

    def fill(self, values: dict[str, Any]) -> None:
        """Show the values of a settings file, with the experiments it names."""
        experiments = values.get("experiments") or [{"folder": values.get("experiment")}]
        folders = [each["folder"] for each in experiments if each.get("folder") is not None]
        self.form.fill(values)
        if self.one is not None:
            self.one.fill(experiments[0])
        self.experiments.add(folders)
        self.look_again()

    def _ask_for_file(self) -> None:
        found = ask_for_settings(self, self.kind.settings)
        if isinstance(found, str):
            self.message.emit(found, True)
        elif found is not None:
            self.fill(found)

    # the check

    def look_again(self) -> None:
        """Check soon, when nothing more is typed."""
        self._timer.start()
        self.start_button.setEnabled(False)

    def check(self) -> None:
        """Look at everything that the job needs, in the background."""
        self._timer.stop()
        if not self.chosen_experiments:
            self._show_checks(None, "Add the folder of an experiment first.")
            return
        settings = self.settings()
        if settings is None:
            self._show_checks(None, "Something is still missing above.")
            return
        if self._worker is not None:
            self._stale = True
            return
        self._worker = create_worker(self.kind.check, settings)
        self._worker.returned.connect(self._show_checks)
        self._worker.errored.connect(self._on_error)
        self._worker.start()

    def _show_checks(self, checks: list[Check] | None, instead: str = "") -> None:
        self._worker = None
        if self._stale:
            self._stale = False
            self.check()
            return
        if checks is None:
            self.lines.say(instead)
        else:
            self.lines.show_checks(checks)
        self.start_button.setEnabled(checks is not None and not self._timer.isActive())
        self.start_button.setText("Start anyway" if self.lines.is_bad else "Start")
        self.checked.emit()

    def _on_error(self, error: BaseException) -> None:
        self._show_checks(None, f"This should not have happened: {in_plain_words(error)}")

    # starting

    def start(self) -> None:
        """Start the job as a process of its own."""
        settings = self.settings()
        if settings is None:
            return
        folders = self.chosen_experiments
        output = getattr(settings, "output", None) or self.kind.output(folders[0])
        try:
            job = start_job(
                self.kind.what,
                settings.model_copy(update={"output": output}),
                folders,
                output=output,
            )
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be started: {in_plain_words(error)}", True)
            return
        self.started.emit(job)


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold; padding-top: 4px")
    return label
