"""Predicting the frame on screen, to see at once whether settings make sense."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from napari.qt.threading import create_worker
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QPushButton, QWidget

from napari_sdannce.files import open_recording
from napari_sdannce.files.settings_file import path_in
from napari_sdannce.jobs.checks import Check, found_com
from napari_sdannce.predictions import open_predictions
from napari_sdannce.settings import ComPredictSettings, DanncePredictSettings
from napari_sdannce.settings.fields import SettingField
from napari_sdannce.widgets.add_layers import add_marks
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words, marks_of
from napari_sdannce.widgets.recording_layers import shown_in
from napari_sdannce.widgets.setting_editors import editor_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.poses import Poses
    from napari_sdannce.settings import Settings
    from napari_sdannce.widgets.drawn_marks import DrawnMarks
    from napari_sdannce.widgets.recording_layers import RecordingLayers
    from napari_sdannce.widgets.setup_page import SetupPage

NAME = "preview"
_COM_NETWORK = SettingField(
    path=("checkpoint",),
    kind=Path,
    help="Network that finds the animals of the frame; default: the COM trace",
    may_be_left=True,
)


@dataclass(frozen=True, eq=False)
class Previewed:
    """Poses of one frame."""

    moment: int
    poses: Poses


class FramePreview(QWidget):
    """A button that predicts the current frame and draws what is found.

    The command line predicts it in a process of its own, so the window stays awake and a network
    too large for the memory ends that process, not napari.

    Parameters
    ----------
    viewer
        Where the recording is shown.
    page
        The settings to predict with.
    """

    message = Signal(str, bool)
    shown = Signal()
    """The frame was predicted and drawn, or could not be."""

    def __init__(self, viewer: Any, page: SetupPage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._page = page
        self._worker: Any = None
        self._drawn: DrawnMarks | None = None
        self.button = QPushButton("Predict this frame")
        self.button.setToolTip("Try the settings on the frame on screen; nothing is kept")
        self.button.clicked.connect(self.predict)
        self.com_network = editor_for(_COM_NETWORK)
        self.com_network.native.setToolTip(_COM_NETWORK.help)
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addRow(self.button)
        layout.addRow("Find animals by", self.com_network.native)

    def predict(self) -> None:
        """Predict the current frame in the background."""
        shown = shown_in(self._viewer)
        if shown is None:
            self._say("Open the recording first, in the panel Recording: the frame on screen "
                      "is predicted.", trouble=True)  # fmt: skip
            return
        chosen = next(iter(self._page.chosen_experiments), shown.recording.folder)
        if chosen.resolve() != shown.recording.folder.resolve():
            self._say(f"{shown.recording.name} is on screen, {chosen.name} is chosen: choose the "
                      "one on screen in the list at the top, or open the other.",
                      trouble=True)  # fmt: skip
            return
        settings = self._page.settings()
        if not isinstance(settings, DanncePredictSettings):
            self._say(f"Still missing or wrong: {self._page.missing}.", trouble=True)
            return
        one = settings.model_copy(
            update={
                "experiment": shown.recording.folder,
                "start": shown.moment,
                "count": 1,
                # one frame is not shared among processes or machines
                "devices": (),
                "workers": 1,
                "cluster": None,
            }
        )
        network = self.com_network.get()
        where = path_in(network, shown.recording.folder) if network else None
        self.button.setEnabled(False)
        self.button.setText(f"Predicting frame {shown.moment} …")
        self._worker = create_worker(predict_one, self._page.kind.what, one, where)
        self._worker.returned.connect(self._on_done)
        self._worker.errored.connect(lambda error: self._on_done(Failed(in_plain_words(error))))
        self._worker.start()

    def _on_done(self, result: Previewed | Failed) -> None:
        self._worker = None
        self.button.setEnabled(True)
        self.button.setText("Predict this frame")
        shown = shown_in(self._viewer)
        if isinstance(result, Failed):
            self._say(result.message, trouble=True)
        elif shown is not None:
            self._draw(result, shown)
        self.shown.emit()

    def _draw(self, result: Previewed, shown: RecordingLayers) -> None:
        try:
            marks = marks_of(result.poses, shown, NAME, hollow=True)
        except ValueError as error:
            self._say(in_plain_words(error), trouble=True)
            return
        if self._drawn is not None:
            shown.remove(self._drawn)
        add_marks(shown, marks)
        self._drawn = shown.drawn[-1]
        shown.go_to(result.moment)
        found = len(marks.moments()) > 0
        self._say(
            f"Frame {result.moment} is predicted."
            if found
            else f"Nothing was found in frame {result.moment}: is a COM known there?",
            trouble=not found,
        )

    def _say(self, text: str, *, trouble: bool = False) -> None:
        self.message.emit(text, trouble)


def predict_one(
    what: tuple[str, ...], settings: DanncePredictSettings, com_network: Path | None
) -> Previewed | Failed:
    """Predict one frame by the command line, into a folder that does not stay.

    Parameters
    ----------
    what
        Words of the command.
    settings
        Of the prediction; `settings.start` is the frame.
    com_network
        What finds the animals where there is no COM trace; None: the newest one trained there.
    """
    with tempfile.TemporaryDirectory(prefix="sdannce-preview-") as name:
        folder = Path(name)
        try:
            com = _com_of(settings, com_network, folder)
            told = settings.model_copy(update={"com": com, "output": folder / "poses"})
            _run(what, told, folder)
            return Previewed(settings.start, open_predictions(folder / "poses"))
        except FILE_ERRORS as error:
            return Failed(in_plain_words(error))


def _com_of(settings: DanncePredictSettings, network: Path | None, folder: Path) -> Path:
    """The COM trace there is, or one of this frame alone."""
    if settings.com is not None:
        return settings.com
    assert settings.experiment is not None
    found = found_com(open_recording(settings.experiment))
    if isinstance(found, Path) and network is None:
        return found
    network = network or newest_com_network(settings.experiment)
    if network is None:
        assert isinstance(found, Check)
        raise ValueError(f"{found.text}, or choose a COM network below")
    taken = {"experiment", "start", "count", "device", "cameras", "pixel_origin"}
    given = settings.model_dump(include=taken, exclude_unset=True)
    finding = ComPredictSettings(checkpoint=network, output=folder / "com", **given)
    _run(("predict", "com"), finding, folder)
    return folder / "com"


def newest_com_network(experiment: Path) -> Path | None:
    """The best network of the last COM training of an experiment."""
    found = sorted(experiment.glob("COM/train*/checkpoints/best.safetensors"), key=_age)
    return found[-1] if found else None


def _age(path: Path) -> float:
    return path.stat().st_mtime


def _run(what: Sequence[str], settings: Settings, folder: Path) -> None:
    """Run a command of the command line; ValueError says why it failed."""
    content = settings.model_dump(mode="json", exclude_unset=True)
    file = folder / f"{'-'.join(what)}.yaml"
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    command = [sys.executable, "-P", "-m", "napari_sdannce", *what, str(file)]
    ended = subprocess.run(
        [*command, "--progress", "none"], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or ["no reason given"]
        raise ValueError(said[-1].removeprefix("sdannce: "))
