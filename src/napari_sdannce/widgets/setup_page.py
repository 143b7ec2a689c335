"""Setting up a job: its settings, what to look at before, and the button that starts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from pydantic import ValidationError
from qtpy.QtCore import QSignalBlocker, QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_sdannce.files.settings_file import absolute_paths
from napari_sdannce.jobs.checks import good
from napari_sdannce.jobs.starting import start_job
from napari_sdannce.settings import ExperimentSettings
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.check_lines import CheckLines
from napari_sdannce.widgets.experiment_list import ListedExperiment
from napari_sdannce.widgets.load_settings import ask_for_settings
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words
from napari_sdannce.widgets.scrolled import scrolled
from napari_sdannce.widgets.setting_words import shorten
from napari_sdannce.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from napari_sdannce.jobs.checks import Check
    from napari_sdannce.settings import Settings
    from napari_sdannce.widgets.experiment_list import ExperimentList
    from napari_sdannce.widgets.job_kinds import JobKind
    from napari_sdannce.widgets.load_settings import LoadedSettings

_EACH_HAS_ITS_OWN = "Each experiment has its own: choose it in the list at the top."
_LONGEST_NAME = 22
"""Letters: a button that says more makes the panel wider."""
_QUIET = "color: #9a9a9a; font-size: 11px"
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
        self._asked = self._checked = 0
        """How many checks were asked for, and which of them was begun last."""
        self._results: Path | None = None
        without = ("experiments",) if kind.is_training else ("experiment",)
        self.form = SettingsForm(kind.settings, kind.first, without)
        self.form.changed.connect(self.look_again)
        elsewhere = ("folder", *kind.unused)
        self.one = (
            SettingsForm(ExperimentSettings, (), elsewhere, about=_EACH_HAS_ITS_OWN)
            if kind.is_training
            else None
        )
        """What is chosen for the experiment that is chosen, and for no other."""
        self.missing = ""
        """What keeps the settings from being whole, in a sentence."""
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.setStyleSheet(_QUIET)
        self.notes.hide()
        self.lines = CheckLines()
        self.summary = QLabel()
        self.summary.setIndent(4)
        self.summary.hide()
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
        if self.one is not None:
            self.one.changed.connect(self._on_one)
            experiments.changed.connect(self._show_one)
            experiments.chosen.connect(self._show_one)
            experiments.described.connect(self._on_described)
            self._show_one()
        self._lay_out()
        self.look_again()

    def _lay_out(self) -> None:
        purpose = QLabel(self.kind.purpose)
        purpose.setWordWrap(True)
        body = QWidget()
        inside = QVBoxLayout(body)
        inside.setContentsMargins(4, 6, 4, 4)
        inside.setSpacing(6)
        inside.addWidget(purpose)
        inside.addWidget(self.form)
        if self.one is not None:
            inside.addWidget(self.one)
        inside.addWidget(self.notes)
        inside.addWidget(_heading("Before you start"))
        inside.addWidget(self.lines)
        inside.addStretch()
        buttons = QHBoxLayout()
        buttons.setContentsMargins(4, 0, 4, 4)
        buttons.addWidget(self.start_button, stretch=1)
        buttons.addWidget(self.file_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(body), stretch=1)
        layout.addWidget(self.summary)
        layout.addLayout(buttons)

    def add_below(self, widget: QWidget) -> None:
        """Put something below the buttons."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.addWidget(widget)

    # settings

    @property
    def chosen_experiments(self) -> tuple[Path, ...]:
        """What the job would work on: a training on all, a prediction on the chosen one."""
        if self.kind.is_training:
            return self.experiments.folders
        current = self.experiments.current
        return () if current is None else (current,)

    def settings(self) -> Settings | None:
        """What is asked for; None when something is wrong, which the form then says.

        Relative paths are meant from their experiment, those of all from the first one.
        """
        self.missing = ""
        first = next(iter(self.chosen_experiments), None)
        given: dict[str, Any] = {}
        if self.one is None:
            given = {} if first is None else {"experiment": first}
        else:
            each = [self._settings_of(one) for one in self.experiments.experiments]
            if None in each:
                return None
            given = {"experiments": [one.model_dump(exclude_unset=True) for one in each if one]}
        settings = self.form.settings(first, **given)
        self.missing = self.form.first_trouble
        return settings

    def _settings_of(self, experiment: ListedExperiment) -> Settings | None:
        """What a training takes of an experiment; None when something of it is wrong."""
        assert self.one is not None
        if experiment is self.experiments.chosen_one:
            settings = self.one.settings(experiment.folder, folder=experiment.folder)
            self.missing = self.missing or self.one.first_trouble
            return settings
        try:
            values = absolute_paths(experiment.values, experiment.folder)
            return ExperimentSettings(folder=experiment.folder, **values)
        except ValidationError:
            self.missing = f"a setting of {experiment.name}: choose it in the list"
            return None

    def _on_one(self) -> None:
        assert self.one is not None
        self.experiments.describe(self.one.values(), self)
        self._name_one()
        self.look_again()

    def _on_described(self, by: object) -> None:
        if by is not self:
            self._show_one()
            self.look_again()

    def _show_one(self) -> None:
        """Show what is chosen for the experiment that is chosen."""
        assert self.one is not None
        chosen = self.experiments.chosen_one
        with QSignalBlocker(self.one):
            self.one.fill(chosen.values if chosen is not None else {})
        self._name_one()

    def _name_one(self) -> None:
        assert self.one is not None
        chosen = self.experiments.chosen_one
        self.one.setVisible(chosen is not None)
        if chosen is not None:
            name = shorten(chosen.name, _LONGEST_NAME)
            self.one.more.setText(f"Cameras and labels of {name}")

    def fill(self, loaded: LoadedSettings) -> None:
        """Show the settings of a file, with the experiments it names instead of those listed."""
        self.form.fill(loaded.values)
        if loaded.experiments:
            self.experiments.put_in_place(
                [
                    ListedExperiment(each["folder"], _without_folder(each))
                    for each in loaded.experiments
                ]
            )
        self.notes.setText(breakable("\n".join([f"From {loaded.name}:", *loaded.notes])))
        self.notes.setVisible(bool(loaded.notes))
        self.message.emit(f"The settings of {loaded.name} are taken over.", False)
        self.look_again()

    def _ask_for_file(self) -> None:
        found = ask_for_settings(self, self.kind.settings, self.experiments.current)
        if isinstance(found, Failed):
            self.notes.hide()  # those of an earlier file
            self.message.emit(found.message, True)
        elif found is not None:
            self.fill(found)

    # the check

    def look_again(self) -> None:
        """Check soon, when nothing more is typed."""
        self._timer.start()
        self._results = None
        self.start_button.setEnabled(False)

    def check(self) -> None:
        """Look at everything that the job needs, in the background."""
        self._timer.stop()
        self._asked += 1
        if not self.chosen_experiments:
            self._show_checks(None, "Add the folder of an experiment first.")
            return
        settings = self.settings()
        if settings is None:
            self._show_checks(None, f"Still missing or wrong: {self.missing}.")
            return
        if self._worker is not None:
            self._stale = True
            return
        self._checked = self._asked
        self._worker = create_worker(self.kind.check, settings)
        self._worker.returned.connect(self._on_checked)
        self._worker.errored.connect(self._on_error)
        self._worker.start()

    def _on_checked(self, checks: list[Check]) -> None:
        if self._is_newest():
            self._show_checks(checks)

    def _on_error(self, error: BaseException) -> None:
        if self._is_newest():
            self._show_checks(None, f"This should not have happened: {in_plain_words(error)}")

    def _is_newest(self) -> bool:
        """Whether the check that has ended is of the settings as they are; else look again."""
        self._worker = None
        if self._stale:
            self._stale = False
            self.check()
            return False
        return self._checked == self._asked

    def _show_checks(self, checks: list[Check] | None, instead: str = "") -> None:
        if checks is None:
            self.lines.say(instead)
        else:
            self.lines.show_checks([*checks, *self._new_run()])
        self._show_summary("" if checks is None else self.lines.in_short())
        named = (check.results for check in checks or () if check.results is not None)
        self._results = next(named, None)
        self.start_button.setEnabled(checks is not None and not self._timer.isActive())
        self.start_button.setText("Start anyway" if self.lines.is_bad else "Start")
        self.checked.emit()

    def _show_summary(self, text: str) -> None:
        """Say beside the button what the checks found: in a low window they are out of sight."""
        self.summary.setText(text)
        self.summary.setVisible(bool(text))

    def _new_run(self) -> list[Check]:
        """Where a training will put its results, when that is not chosen."""
        run = self.kind.new_run(self.chosen_experiments[0]) if self.chosen_experiments else None
        if run is None or "output" in self.form.values():
            return []
        first = self.chosen_experiments[0]
        of = f" of {first.name}" if len(self.chosen_experiments) > 1 else ""
        return [good(f"results go to {run.relative_to(first)}{of}")]

    # starting

    def start(self) -> None:
        """Start the job as a process of its own."""
        settings = self.settings()
        if settings is None:
            return
        folders = self.chosen_experiments
        output = getattr(settings, "output", None) or self._free_output(folders[0])
        if output is not None:
            settings = settings.model_copy(update={"output": output})
        try:
            job = start_job(self.kind.what, settings, folders, output=output)
        except FILE_ERRORS as error:
            self.message.emit(f"It could not be started: {in_plain_words(error)}", True)
            return
        self.started.emit(job)

    def _free_output(self, experiment: Path) -> Path | None:
        """Where results go when nothing is chosen; None where the command finds out."""
        # looked for at the last moment: a run that began after the check may have taken its folder
        return self.kind.new_run(experiment) or self._results


def _without_folder(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != "folder"}


def _heading(text: str) -> QLabel:
    label = QLabel(text)
    label.setStyleSheet("font-weight: bold; padding-top: 4px")
    return label
