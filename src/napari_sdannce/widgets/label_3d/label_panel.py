"""The panel "Label in 3D"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QFileDialog, QLabel, QStackedWidget, QVBoxLayout, QWidget

from napari_sdannce.files import open_recording
from napari_sdannce.files.adopt_calibration import adopt_calibration
from napari_sdannce.labeling.session_folder import JOURNAL, SessionInUseError
from napari_sdannce.video import RecordingVideo
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.label_3d.desk import Desk
from napari_sdannce.widgets.label_3d.sessions import WantedSession, opened_session
from napari_sdannce.widgets.label_3d.start_page import StartPage
from napari_sdannce.widgets.label_3d.work_page import WorkPage
from napari_sdannce.widgets.opening import FILE_ERRORS, in_plain_words
from napari_sdannce.widgets.recording_layers import shown_in

if TYPE_CHECKING:
    import napari
    from qtpy.QtGui import QCloseEvent, QHideEvent, QShowEvent

    from napari_sdannce.files.adopt_calibration import Adopted
    from napari_sdannce.recording import Recording


class LabelPanel(QWidget):
    """Opens labelling sessions, and is where one works on them.

    Parameters
    ----------
    napari_viewer
        The viewer; napari hands it over.
    """

    work: WorkPage | None = None
    """What is worked on. Qt asks for it before there is an instance of ours."""

    def __init__(self, napari_viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = napari_adapter.real_viewer(napari_viewer)
        self._said = ""
        self.start = StartPage()
        self.start.open_asked.connect(self._ask_for_recording)
        self.start.session_asked.connect(self.open_session)
        self.start.message.connect(self.say)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.start)
        self._status = QLabel()
        self._status.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self._pages, stretch=1)
        layout.addWidget(self._status)
        self.setMinimumWidth(380)
        napari_adapter.later(self._as_tab)
        shown = shown_in(self.viewer)
        self.start.show_recording(None if shown is None else shown.recording)
        self.viewer.layers.events.inserted.connect(self._on_inserted)

    def _as_tab(self) -> None:
        napari_adapter.as_tab(self, "Label in 3D")

    def _on_inserted(self, event: object = None) -> None:
        # layers that napari has read are taken for a recording after it has heard of them, too
        napari_adapter.later(lambda: napari_adapter.later(self._take_shown))

    def _take_shown(self) -> None:
        shown = shown_in(self.viewer)
        if shown is not None and self.start.recording is None:
            self.start.show_recording(shown.recording)

    # what is said

    @property
    def status(self) -> str:
        """The line at the bottom."""
        return self._said

    def say(self, text: str, trouble: bool = False) -> None:
        """Write the line at the bottom; trouble stands out."""
        self._said = text
        self._status.setText(breakable(text))
        style = "color: #ff8c69; font-weight: bold" if trouble else ""
        if style != self._status.styleSheet():  # costs more than the text
            self._status.setStyleSheet(style)

    # opening

    def _ask_for_recording(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a recording folder")
        if folder:
            self.open_recording(Path(folder))

    def open_recording(self, folder: Path) -> None:
        """Choose the recording to label."""
        self.say("")
        try:
            self.start.show_recording(open_recording(folder))
        except FILE_ERRORS as error:
            self.say(in_plain_words(error), trouble=True)

    def open_session(self, wanted: WantedSession) -> None:
        """Work on a session; the one that is open is closed."""
        recording = self.start.recording
        if recording is None:
            return
        self.close_session()
        self._say_now("Opening …")
        try:
            recording, adopted = self._calibrated(recording, wanted)
            folder = opened_session(recording, wanted)
        except (*FILE_ERRORS, SessionInUseError) as error:
            self.say(in_plain_words(error), trouble=True)
            return
        # views in the order that the labels have them
        recording = recording.select(folder.session.subject.views)
        try:
            video = RecordingVideo(recording, color="rgb")
        except FILE_ERRORS as error:
            folder.close()
            self.say(in_plain_words(error), trouble=True)
            return
        self._work_on(recording, Desk(recording, video, folder))
        if adopted is not None:
            self.say(f"{adopted}.")

    def _calibrated(
        self, recording: Recording, wanted: WantedSession
    ) -> tuple[Recording, Adopted | None]:
        """The recording, calibrated by the labels that are begun with where it was not."""
        for path in wanted.start[:1]:
            adopted = adopt_calibration(recording, path)
            if adopted is not None:
                recording = open_recording(recording.folder)
                self.start.show_recording(recording)
                return recording, adopted
        return recording, None

    def _say_now(self, text: str) -> None:
        """Write the line before something that takes seconds."""
        self.say(text)
        self._status.repaint()

    def _work_on(self, recording: Recording, desk: Desk) -> None:
        possible = napari_adapter.can_open(len(desk.subject.views) + 1)
        one_canvas = self.start.one_canvas.isChecked() or not possible
        try:
            self.work = WorkPage(desk, one_canvas=one_canvas)
        except BaseException:
            desk.close()  # or nobody could open the labels any more
            raise
        for window in napari_adapter.windows_of(self):
            window.installEventFilter(self)
        self.work.message.connect(self.say)
        self.work.close_asked.connect(self.close_session)
        self._pages.addWidget(self.work)
        self._pages.setCurrentWidget(self.work)
        napari_adapter.hold_dock(self, held=True)
        if self.isVisible():
            napari_adapter.give_window(self, taken=True)
        self.work.begin()
        problems = desk.video.all_problems
        n_calibrated = sum(camera is not None for camera in desk.subject.cameras)
        if n_calibrated < 2:
            self.say("Fewer than two calibrated cameras: points are 2D, there is no 3D.", True)
        elif not possible:
            self.say("This screen draws one canvas only: all cameras are on it.", True)
        elif self.work.keys_problem:
            self.say(self.work.keys_problem, True)
        elif problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            self.say(f"{problems[0].path.name}: {problems[0].message}{more}", True)
        else:
            self.say(f"{recording.name}: every step is kept as you make it. F1 shows the keys.")

    def close_session(self) -> None:
        """Put the session away; it is kept whole on the disk."""
        work, self.work = self.work, None
        if work is None:
            return
        napari_adapter.hold_dock(self, held=False)
        napari_adapter.give_window(self, taken=False)
        self._pages.setCurrentWidget(self.start)
        self._pages.removeWidget(work)
        self.say("")
        try:
            work.put_away()
        except OSError as error:
            is_kept = (work.desk.folder.path / JOURNAL).is_file()
            kept = " Every step is in the journal of the labels." if is_kept else ""
            self.say(f"No snapshot was written: {in_plain_words(error)}.{kept}", trouble=True)
        work.deleteLater()
        self.start.show_recording(self.start.recording)

    # the window

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the room of the window while labels are worked on."""
        super().showEvent(event)
        if self.work is not None:
            napari_adapter.later(self._take_window)

    def _take_window(self) -> None:
        if self.work is not None:
            napari_adapter.give_window(self, taken=self.isVisible())

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Give the room back."""
        super().hideEvent(event)
        napari_adapter.give_window(self, taken=False)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Put the session away before napari's window closes: canvases must not outlive it."""
        if event is not None and event.type() == QEvent.Type.Close:
            self.close_session()
        return False

    def event(self, event: QEvent | None) -> bool:
        """Put the session away when the dock is taken out of the window.

        napari then closes no widget; it leaves it without a parent.
        """
        done = super().event(event)
        left = event is not None and event.type() == QEvent.Type.ParentChange
        if left and self.parent() is None and self.work is not None:
            self.close_session()
        return done

    def closeEvent(self, event: QCloseEvent | None) -> None:
        """The panel was a window of its own, and is closed."""
        self.close_session()
        super().closeEvent(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Tab selects keypoints."""
        return False if self.work is not None else super().focusNextPrevChild(forward)
