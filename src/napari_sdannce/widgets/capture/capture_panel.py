"""The panel "Capture"."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import (
    QBoxLayout,
    QFileDialog,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sdannce.capture.configuration import read_configuration, write_configuration
from napari_sdannce.capture.recorder.counts import RecorderState
from napari_sdannce.capture.recorder.self_test import SECONDS
from napari_sdannce.capture.recorder_process.session import BEHIND
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.settings.capture import CaptureSettings
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.breakable import SelectableLabel, breakable
from napari_sdannce.widgets.capture.board_part import BoardPart
from napari_sdannce.widgets.capture.camera_form import CameraForm
from napari_sdannce.widgets.capture.camera_list import CameraList
from napari_sdannce.widgets.capture.event_list import EventList
from napari_sdannce.widgets.capture.record_bar import RecordBar
from napari_sdannce.widgets.capture.recorder_link import RecorderLink
from napari_sdannce.widgets.capture.tiles import Tiles
from napari_sdannce.widgets.opening import in_plain_words
from napari_sdannce.widgets.scrolled import scrolled
from napari_sdannce.widgets.settings_form import SettingsForm

if TYPE_CHECKING:
    from collections.abc import Mapping

    import napari
    from qtpy.QtCore import QObject
    from qtpy.QtGui import QHideEvent, QShowEvent

    from napari_sdannce.capture.cameras import CameraInfo
    from napari_sdannce.capture.recorder.pictures import Picture
    from napari_sdannce.capture.recorder_process.session import Connected, SessionStatus

_FIRST = (
    *(("fps",), ("seconds",), ("trigger",)),
    *(("encoding", "codec"), ("encoding", "quality")),
)
_ELSEWHERE = ("folder", "cameras")
_CONFIGS = "Configurations (*.yaml *.yml)"
_CONTROLS_WIDTH = 380
_FPS = 30.0
_DOING = {"connect": "Connecting …", "record": "Starting …", "self_test": "Self-test …"}
"""What takes the recorder some time, and how that is told."""


class CapturePanel(QWidget):
    """Connects cameras, shows what they see, and records.

    The recorder is a process of its own: it goes on when this window closes, and is found again.

    Parameters
    ----------
    napari_viewer
        The viewer; napari hands it over.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = napari_adapter.real_viewer(napari_viewer)
        self.connected: Connected | None = None
        self.status: SessionStatus | None = None
        self._is_known = False
        self._is_starting = False
        self._doing = ""
        self._found: tuple[CameraInfo, ...] = ()
        self.link: RecorderLink
        self.cameras = CameraList()
        self.tiles = Tiles()
        self.bar = RecordBar()
        self.board = BoardPart(self.tiles, self.bar, self)
        self.form = SettingsForm(CaptureSettings, first=_FIRST, without=_ELSEWHERE)
        self.camera_form = CameraForm()
        self.events = EventList()
        self.tabs = QTabWidget()
        self.connect_button = QPushButton("Connect and look")
        self.connect_button.setEnabled(False)
        self.disconnect_button = QPushButton("Disconnect")
        self.open_config_button = QPushButton("Open configuration …")
        self.save_config_button = QPushButton("Save configuration …")
        self.message = SelectableLabel()
        self._lay_out()
        self._connect()
        self.form.fill({"fps": _FPS})
        self.setMinimumWidth(_CONTROLS_WIDTH)
        self._show_page()
        napari_adapter.later(self._as_tab)
        self._start()

    def _as_tab(self) -> None:
        napari_adapter.as_tab(self, "Capture")

    def _lay_out(self) -> None:
        for page, title in (
            (scrolled(_padded(self.form)), "Recording"),
            (scrolled(self.camera_form), "Cameras"),
            (self.events, "Events"),
        ):
            self.tabs.addTab(page, title)
        files = QHBoxLayout()
        files.addWidget(self.open_config_button)
        files.addWidget(self.save_config_button)
        self.controls = QWidget()
        column = QVBoxLayout(self.controls)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.connect_button)
        column.addWidget(self.bar)
        column.addWidget(self.message)
        column.addWidget(self.tabs, stretch=1)
        column.addLayout(files)
        column.addWidget(self.disconnect_button)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.cameras)
        self.pages.addWidget(self.tiles)
        self._layout = QBoxLayout(QBoxLayout.Direction.TopToBottom, self)
        self._layout.setContentsMargins(6, 6, 6, 6)
        self._layout.addWidget(self.pages, stretch=3)
        self._layout.addWidget(self.controls, stretch=2)

    def _start(self) -> None:
        """Find the recorder that runs, or start one; one attempt at a time."""
        if self._is_starting:
            return
        self._is_starting = True
        self.connect_button.setEnabled(False)
        self.say("Starting the recorder …")
        self.link = RecorderLink(self)
        self.link.reached.connect(self._on_reached)
        self.link.answered.connect(self._on_answered)
        self.link.refused.connect(self._on_refused)
        self.link.status.connect(self._on_status)
        self.link.pictures.connect(self._on_pictures)
        self.link.gone.connect(self._on_gone)
        self.link.start()

    def _connect(self) -> None:
        self.cameras.search_asked.connect(self._on_search)
        self.cameras.changed.connect(self._on_cameras)
        self.connect_button.clicked.connect(lambda: self.connect_cameras())
        self.disconnect_button.clicked.connect(lambda: self.link.ask("disconnect"))
        self.open_config_button.clicked.connect(lambda: self.ask_for_configuration())
        self.save_config_button.clicked.connect(lambda: self.ask_where_to_save())
        self.camera_form.apply_asked.connect(self.connect_cameras)
        self.tiles.wants_changed.connect(self._on_wants)
        self.bar.record_asked.connect(self.record)
        self.bar.stop_asked.connect(self._on_stop)
        self.bar.test_asked.connect(self.test)
        self.bar.open_asked.connect(self._on_open)
        self.bar.calibrate_asked.connect(self._on_calibrate)
        self.board.changed.connect(self._on_wants)
        self.board.trouble.connect(lambda text: self.say(text, trouble=True))

    # what is said

    def say(self, text: str, trouble: bool = False) -> None:
        """Say something; trouble stands out."""
        self.message.setText(breakable(text))
        self.message.setVisible(bool(text))
        self.message.setStyleSheet("color: #ff8c69; font-weight: bold" if trouble else "")

    # asking

    def settings(self) -> CaptureSettings | None:
        """What is chosen; None when something is wrong, which is then said."""
        if not self.cameras.chosen():
            self.say("No camera is ticked", trouble=True)
            return None
        try:
            cameras = [
                {"name": name, "back_end": kind, "serial": serial}
                | self.camera_form.values_of(name)
                for name, kind, serial in self.cameras.chosen()
            ]
            settings = self.form.settings(folder=self.bar.folder, cameras=cameras)
        except ValidationError as error:
            self.say(in_plain_words(error), trouble=True)
            return None
        if settings is None:
            self.say(self.form.first_trouble or "A setting is wrong", trouble=True)
        assert settings is None or isinstance(settings, CaptureSettings)
        return settings

    def connect_cameras(self) -> None:
        """Open the cameras that are chosen, or set them up anew, and show what they see."""
        if not self._is_known:
            self._start()
            return
        settings = self.settings()
        if settings is not None:
            self.say("Connecting …")
            self.connect_button.setEnabled(False)
            self._do("connect", settings)

    def record(self) -> None:
        """Begin a recording."""
        settings = self.settings()
        if settings is not None:
            self.say("")
            self.bar.show_test(None)
            self._do("record", settings)

    def test(self) -> None:
        """Record for some seconds, and judge."""
        settings = self.settings()
        if settings is not None:
            self.say(f"Self-test: recording for {SECONDS:g} s …")
            self.bar.show_test(None)
            self._do("self_test", settings, SECONDS)

    def _do(self, what: str, *arguments: object) -> None:
        """Ask for what takes time; until it is done, nothing else can be begun."""
        self._doing = what
        self._show_state()
        self.link.ask(what, *arguments)

    def _on_search(self) -> None:
        self.link.ask("discover")

    def _on_stop(self) -> None:
        self.link.ask("stop", "it was stopped in the panel")

    def _on_wants(self) -> None:
        fps = 10.0 if self.connected is None else self.connected.settings.preview_fps
        is_live = self.connected is not None
        self.link.look_at(self.board.widths(self.tiles.widths) if is_live else {}, fps)

    # what the recorder says

    def _on_reached(self, connected: Connected | None, status: SessionStatus) -> None:
        self._is_known, self._is_starting = True, False
        self.say("")
        self._on_status(status)
        self._show_connected(connected)
        if not _is_recording(status):  # looking for cameras may disturb those that record
            self.cameras.search()
        if connected is not None:
            self.show_settings(connected.settings)
            self.say("This recorder ran already; here is what it does.")

    def _on_answered(self, what: str, answer: Any) -> None:
        self._is_done(what)
        if what == "discover":
            self._found = answer.cameras
            self.cameras.show_found(answer)
        elif what == "connect":
            self.say("")
            self._show_connected(answer)
            self.tiles.forget_focus()
        elif what == "self_test":
            self.say("")
            self.bar.show_test(answer)
        elif what == "disconnect":
            self._show_connected(None)

    def _on_refused(self, what: str, why: str) -> None:
        self._is_done(what)
        self.say(why, trouble=True)
        self._on_cameras()

    def _is_done(self, what: str) -> None:
        if what == self._doing:
            self._doing = ""

    def _on_gone(self, why: str) -> None:
        folder = None if self.status is None else self.status.now.folder
        if folder is not None and _is_recording(self.status):
            why += f". If it was killed, `sdannce capture finish {folder}` finishes the recording"
        self._is_known = self._is_starting = False
        self._doing = ""
        self._show_connected(None)
        self.status = None
        self._show_state()
        self.link.close(quits=False)
        self.connect_button.setText("Start a new recorder")
        self.connect_button.setEnabled(True)
        self.say(why, trouble=True)

    def _on_status(self, status: SessionStatus) -> None:
        was_recording = _is_recording(self.status)
        self.status = status
        self._show_state()
        self.tiles.show_counts(status.now.cameras)
        last = status.last.events if status.last is not None else ()
        shown = (*last, *status.now.events) if not _is_recording(status) else status.now.events
        self.events.show_events(shown)
        n = self.events.n_troubles
        self.tabs.setTabText(2, f"Events ({n})" if n else "Events")
        if was_recording and not _is_recording(status):
            self.bar.propose_name()

    def _show_state(self) -> None:
        """Show how it goes, and offer what can be done now."""
        self.bar.show_status(self.status, _DOING.get(self._doing, ""))
        is_free = not _is_recording(self.status) and self._doing in ("", "connect")
        for widget in (self.form, self.camera_form, self.disconnect_button):
            widget.setEnabled(is_free)

    def _on_pictures(self, pictures: Mapping[str, Picture]) -> None:
        """Show what cameras see; without pictures, only where encoders are the reason."""
        counts = () if self.status is None else self.status.now.cameras
        if pictures or any(each.fill > BEHIND for each in counts):
            self.tiles.show_pictures(pictures)
        self.board.look(pictures)

    def _on_cameras(self) -> None:
        chosen = self.cameras.chosen()
        self.camera_form.show_cameras([name for name, _, _ in chosen])
        if not self._is_known:
            return
        n = len(chosen)
        self.connect_button.setText(f"Connect {n} camera{'s' * (n != 1)} and look")
        self.connect_button.setEnabled(bool(chosen))

    def _on_open(self, folder: Path) -> None:
        """Open the recording in the panel for that."""
        napari_adapter.give_window(self, taken=False)
        panel = napari_adapter.open_panel(self.viewer, "Recording")
        if panel is not None:
            panel.open(folder)

    def _on_calibrate(self, folder: Path) -> None:
        """Calibrate cameras from the recording of a board."""
        napari_adapter.give_window(self, taken=False)
        panel = napari_adapter.open_panel(self.viewer, "Calibrate")
        if panel is not None:
            panel.begin(folder, self.board.file)

    # what is shown

    def _show_connected(self, connected: Connected | None) -> None:
        self.connected = connected
        names = [camera.name for camera in connected.settings.cameras] if connected else []
        self.board.of_cameras(tuple(names))
        if connected is not None:
            self.tiles.show_cameras(names, connected.settings.fps)
        self._show_page()
        self._on_cameras()
        self._on_wants()

    def _show_page(self) -> None:
        """Show the list of cameras, or what they see."""
        is_live = self.connected is not None
        self.pages.setCurrentWidget(self.tiles if is_live else self.cameras)
        self.connect_button.setVisible(not is_live)
        self.bar.setVisible(is_live)
        self.disconnect_button.setVisible(is_live)
        self.controls.setMaximumWidth(_CONTROLS_WIDTH if is_live else 16_777_215)
        side, below = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom
        self._layout.setDirection(side if is_live else below)
        napari_adapter.give_window(self, taken=is_live)

    # configurations

    def ask_for_configuration(self) -> None:
        """Let the person choose a configuration, ours or one of Campy."""
        path, _ = QFileDialog.getOpenFileName(self, "Open a configuration", "", _CONFIGS)
        if path:
            self.open_configuration(Path(path))

    def open_configuration(self, path: Path) -> None:
        """Show the settings of a configuration."""
        try:
            configuration = read_configuration(path, found=self._found)
        except (FileFormatError, OSError, ValueError, RuntimeError) as error:
            self.say(in_plain_words(error), trouble=True)
            return
        self.show_settings(configuration.settings)
        keys = ", ".join(each.key for each in configuration.ignored)
        self.say(f"{path.name} is shown" + (f"; not followed as it stands: {keys}" if keys else ""))

    def show_settings(self, settings: CaptureSettings) -> None:
        """Show settings in all forms."""
        self.cameras.show_settings(settings.cameras)
        self.form.fill(settings.model_dump(exclude_unset=True))
        self.camera_form.fill(settings.cameras)
        self.bar.parent_folder.setText(str(settings.folder.parent))
        self.bar.name.setText(settings.folder.name)
        if not _is_recording(self.status):
            self.bar.propose_name()

    def ask_where_to_save(self) -> None:
        """Let the person choose where the settings go."""
        settings = self.settings()
        if settings is None:
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the configuration", "capture.yaml", _CONFIGS
        )
        if path:
            write_configuration(Path(path), settings, overwrite=True)
            self.say(f"saved; `sdannce capture {Path(path).name}` records the same")

    # the window

    def showEvent(self, event: QShowEvent | None) -> None:
        """Take the room of the window while cameras are looked at."""
        super().showEvent(event)
        for window in napari_adapter.windows_of(self):
            window.installEventFilter(self)
        napari_adapter.later(self._take_window)

    def _take_window(self) -> None:
        is_live = self.connected is not None
        napari_adapter.give_window(self, taken=is_live and self.isVisible())

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Give the room back."""
        super().hideEvent(event)
        napari_adapter.give_window(self, taken=False)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Let go of the recorder when napari closes."""
        if event is not None and event.type() == QEvent.Type.Close:
            self.let_go()
        return False

    def event(self, event: QEvent | None) -> bool:
        """Let go of the recorder when the dock is taken out of the window.

        napari then closes no widget; it leaves it without a parent.
        """
        done = super().event(event)
        left = event is not None and event.type() == QEvent.Type.ParentChange
        if left and self.parent() is None:
            self.let_go()
        return done

    def let_go(self) -> None:
        """Ask the recorder no more: one that records goes on, any other ends."""
        self.board.end()
        self.link.close(quits=True)
        napari_adapter.give_window(self, taken=False)


def _padded(widget: QWidget) -> QWidget:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.addWidget(widget)
    layout.addStretch()
    return page


def _is_recording(status: SessionStatus | None) -> bool:
    busy = (RecorderState.STARTING, RecorderState.RECORDING, RecorderState.FINISHING)
    return status is not None and status.now.state in busy
