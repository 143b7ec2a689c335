"""The panel "Calibrate": from images of a board to cameras, and to a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QEvent, QUrl, Signal
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFileDialog, QLabel, QTabWidget, QVBoxLayout, QWidget

from napari_sdannce.calibration.world_points import write_world_points
from napari_sdannce.files.yaml_file import read_yaml
from napari_sdannce.jobs.background import SETTINGS, BackgroundJob, State
from napari_sdannce.jobs.calibrating import start_calibration, values_again
from napari_sdannce.settings.calibrate import CalibrateSettings
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.calibrate.board_images import (
    BoardImages,
    open_all_images,
    open_board_images,
)
from napari_sdannce.widgets.calibrate.click_marks import ClickMarks
from napari_sdannce.widgets.calibrate.on_screen import OnScreen
from napari_sdannce.widgets.calibrate.opened_calibration import (
    POINTS,
    OpenedCalibration,
    open_calibration,
)
from napari_sdannce.widgets.calibrate.result_page import ResultPage
from napari_sdannce.widgets.calibrate.run_page import RunPage
from napari_sdannce.widgets.calibrate.set_up_page import SetUpPage
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words
from napari_sdannce.widgets.recording_layers import shown_in
from napari_sdannce.widgets.scrolled import scrolled

if TYPE_CHECKING:
    import napari
    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from napari_sdannce.settings.calibrate import World

_NARROWEST = 380
_MOST_FOLLOWED = 5
_followed: list[BackgroundJob] = []
"""What was started or found in this session, the last first: a panel opened again finds it."""


class CalibratePanel(QWidget):
    """Sets a calibration up, follows it, and shows what it is worth.

    Parameters
    ----------
    napari_viewer
        The viewer; napari hands it over.
    """

    opened = Signal()
    """A calibration is shown, or could not be opened."""
    images_opened = Signal()
    """Images of the board are on screen, or could not be opened."""

    def __init__(self, napari_viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = napari_adapter.real_viewer(napari_viewer)
        self._is_whole = False
        self.on_screen = OnScreen(self.viewer, self)
        self._workers: dict[Any, Any] = {}
        """What works in the background, by what it will be handed to."""
        self._said = ""
        self.set_up = SetUpPage()
        self.run_page = RunPage()
        self.result = ResultPage()
        self.tabs = QTabWidget()
        self.tabs.addTab(self.set_up, "Set up")
        self.tabs.addTab(self.run_page, "Run")
        self.tabs.addTab(scrolled(self.result), "Result")
        self._status = QLabel()
        self._status.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.tabs, stretch=1)
        layout.addWidget(self._status)
        self.setMinimumWidth(_NARROWEST)
        self.setAcceptDrops(True)
        self._connect()
        self._is_whole = True
        napari_adapter.later(lambda: napari_adapter.as_tab(self, "Calibrate"))
        self._take_up()

    def _connect(self) -> None:
        for page in (self.set_up, self.result.accept_box, self.result.world_box):
            page.message.connect(self.say)
        self.set_up.started.connect(self.follow)
        self.set_up.found_running.connect(self.follow)
        self.set_up.result_asked.connect(self.open)
        self.run_page.ended.connect(self._on_ended)
        self.result.open_asked.connect(self._ask_for_calibration)
        self.result.images_asked.connect(self.toggle_images)
        self.result.rig_asked.connect(self.toggle_rig)
        self.on_screen.images_changed.connect(self.result.follow_images)
        self.on_screen.moment_changed.connect(self.result.show_moment)
        self.on_screen.rig_changed.connect(self.result.follow_rig)
        self.result.report_asked.connect(self._open_report)
        self.result.accept_asked.connect(self._on_accept)
        self.result.again_asked.connect(self._on_again)
        world = self.result.world_box
        world.asked.connect(self._on_world)
        world.images_asked.connect(self.show_images_to_click)
        world.closed.connect(self._on_world_closed)
        self.result.accept_box.accepted.connect(self._on_accepted)

    # what is said

    @property
    def status(self) -> str:
        """The line at the bottom."""
        return self._said

    def say(self, text: str, trouble: bool = False) -> None:
        """Write the line at the bottom; trouble stands out."""
        self._said = text
        self._status.setText(breakable(text))
        self._status.setVisible(bool(text))
        self._status.setStyleSheet("color: #ff8c69; font-weight: bold" if trouble else "")
        self._status.setToolTip(text)

    # the job

    def _take_up(self) -> None:
        """Go on with what runs; else a recording on screen without cameras is likely of a board."""
        running = next((job for job in _followed if job.state() is State.RUNNING), None)
        if running is not None:
            settings = read_yaml(running.folder / SETTINGS, "settings of a job").content
            self.set_up.fill({name: settings.get(name) for name in ("source", "board")})
            self.follow(running)
            return
        shown = shown_in(self.viewer)
        if shown is not None and all(view.camera is None for view in shown.recording.views):
            self.set_up.choose(source=shown.recording.folder)

    def begin(self, source: Path, board: Path | None = None) -> None:
        """Set up a calibration from a recording of a board."""
        self.set_up.fill(
            {"source": source} if board is None else {"source": source, "board": board}
        )
        self.tabs.setCurrentWidget(self.set_up)

    def follow(self, job: BackgroundJob) -> None:
        """Follow a calibration that runs."""
        _followed[:] = [job, *_followed[: _MOST_FOLLOWED - 1]]
        self.tabs.setCurrentWidget(self.run_page)
        self.say("")
        self.run_page.follow(job)
        self._show_running()

    def _show_running(self) -> None:
        self.tabs.setTabText(1, "Run (running)" if self.run_page.is_running else "Run")

    def _on_ended(self, job: BackgroundJob) -> None:
        self._show_running()
        self.set_up.check()
        if self.run_page.view.state is State.FINISHED and job.note.output is not None:
            self.open(job.note.output)

    # results

    def _ask_for_calibration(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open the results of a calibration")
        if folder:
            self.open(Path(folder))

    def open(self, folder: Path) -> None:
        """Open the results of a calibration, in the background."""
        self.say(f"Opening {folder.name} …")
        self._start(open_calibration, self._on_opened, folder)

    def _start(self, work: Any, then: Any, *arguments: Any) -> None:
        """Work in the background; of the same kind of work only the last is wanted."""
        worker = create_worker(work, *arguments)
        self._workers[then] = worker
        worker.returned.connect(lambda result: self._on_returned(worker, then, result))
        worker.errored.connect(lambda error: self._on_error(worker, then, error))
        worker.start()

    def _on_returned(self, worker: Any, then: Any, result: Any) -> None:
        if worker is self._workers.get(then):
            del self._workers[then]
            then(result)
        elif isinstance(result, BoardImages):
            result.close()

    def _on_error(self, worker: Any, then: Any, error: BaseException) -> None:
        if worker is self._workers.get(then):
            del self._workers[then]
            self.result.images_button.setEnabled(self.result.opened is not None)
            self.say(f"This should not have happened: {in_plain_words(error)}", trouble=True)

    def _forget_images(self) -> None:
        """Images that are being opened are of a calibration that is shown no more."""
        for then in (self._on_images, self._on_images_to_click):
            self._workers.pop(then, None)

    def _on_opened(self, opened: OpenedCalibration | Failed) -> None:
        if isinstance(opened, Failed):
            self.say(opened.message, trouble=True)
        else:
            self._forget_images()
            with_rig = self.on_screen.rig is not None
            self.on_screen.put_away()
            self.result.show_calibration(opened)
            if with_rig:
                self.on_screen.show_rig(opened)
            self.tabs.setCurrentIndex(2)
            self.say("")
        self.opened.emit()

    def _open_report(self) -> None:
        opened = self.result.opened
        if opened is not None and opened.page is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(opened.page)))

    # images

    def toggle_images(self) -> None:
        """Show the images of the board; hide them when they are shown."""
        if self.on_screen.images is not None:
            self.on_screen.hide_images()
            return
        opened = self.result.opened
        if opened is None or opened.corners is None:
            return
        named = opened.report.images
        if named is not None and named.exists():
            self.show_images(named)
            return
        asked = "Where are the images of the board now?"
        folder = QFileDialog.getExistingDirectory(self, asked, str(opened.folder.parent))
        if folder:
            self.show_images(Path(folder))

    def show_images(self, folder: Path) -> None:
        """Show the images that lie in a folder, with what was found in them."""
        opened = self.result.opened
        if opened is None or opened.corners is None:
            return
        self.say("Opening the images …")
        self.result.images_button.setEnabled(False)
        arguments = (opened.report, opened.corners, folder)
        self._start(open_board_images, self._on_images, *arguments)

    def _on_images(self, images: BoardImages | Failed) -> None:
        self.result.images_button.setEnabled(True)
        opened = self.result.opened
        if isinstance(images, Failed):
            self.say(images.message, trouble=True)
        elif opened is not None and opened.corners is not None:
            trouble = self.on_screen.show_images(images, opened.corners)
            self.say(trouble, trouble=bool(trouble))
        self.images_opened.emit()

    def show_images_to_click(self, folder: Path | None) -> None:
        """Show all images in a folder, to click points in; None: those of the board."""
        opened = self.result.opened
        if opened is None:
            return
        folder = folder or opened.report.images
        if folder is None or not folder.exists():
            self.say("The images of the board are not where they were: choose others.", True)
            return
        self.say("Opening the images …")
        self._start(open_all_images, self._on_images_to_click, opened.report, folder)

    def _on_images_to_click(self, images: BoardImages | Failed) -> None:
        if isinstance(images, Failed):
            self.say(images.message, trouble=True)
        elif self.result.world_box.is_clicking:
            clicked = self.result.world_box.measured
            trouble = self.on_screen.show_images_to_click(images, clicked)
            help_ = "Click the selected point in every camera that shows it."
            self.say(trouble or help_, trouble=bool(trouble))
        else:
            images.close()
        self.images_opened.emit()

    def toggle_rig(self) -> None:
        """Show cameras and boards in 3D; away with it when it is shown."""
        if self.on_screen.rig is not None:
            self.on_screen.hide_rig()
        elif self.result.opened is not None:
            self.on_screen.show_rig(self.result.opened)

    # again

    def _on_again(self) -> None:
        """Offer the settings of the calibration to be changed."""
        opened = self.result.opened
        if opened is None:
            return
        try:
            values = values_again(opened.folder)
        except FILE_ERRORS as error:
            self.say(in_plain_words(error), trouble=True)
            return
        self.set_up.fill(values)
        self.tabs.setCurrentWidget(self.set_up)
        self.say("Change what you like, then calibrate: the boards that were found are used.")

    def _on_world(self, world: World, frames: tuple[int, ...]) -> None:
        """Calibrate again in another world, in place of this calibration."""
        opened, clicked = self.result.opened, self.result.world_box.measured
        if opened is None:
            return
        try:
            changes: dict[str, Any] = {"world": world, "world_frames": frames}
            if world == "points":
                changes["world_points"] = write_world_points(
                    opened.folder / POINTS,
                    clicked.cameras,
                    clicked.labels,
                    clicked.pixels,
                    clicked.points,
                )
            settings = CalibrateSettings.model_validate(
                values_again(opened.folder) | changes | {"out": opened.folder, "overwrite": True}
            )
            job = start_calibration(settings)
        except FILE_ERRORS as error:
            self.say(f"It could not be started: {in_plain_words(error)}", trouble=True)
            return
        self.on_screen.hide_images()
        self.follow(job)

    def _on_world_closed(self) -> None:
        shown = self.on_screen.images
        if shown is not None and isinstance(shown.marks, ClickMarks):
            self.on_screen.hide_images()

    # a recording

    def _on_accept(self) -> None:
        opened = self.result.opened
        if opened is not None:
            self.result.world_box.hide()
            shown = shown_in(self.viewer)
            folder = None if shown is None else shown.recording.folder
            self.result.accept_box.begin(opened.cameras, opened.report.grade, folder)

    def _on_accepted(self, folder: Path, written: tuple[Path, ...]) -> None:
        names = ", ".join(path.name for path in written)
        self.say(f"{folder.name} is calibrated. Written: {names}.")
        shown = shown_in(self.viewer)
        if shown is not None and shown.recording.folder == folder:
            panel = napari_adapter.open_panel(self.viewer)
            if panel is not None:
                panel.open(folder)

    # leaving

    def event(self, event: QEvent | None) -> bool:
        """Take away what is on screen when the dock is taken out of the window.

        napari then closes no widget; it leaves it without a parent.
        """
        done = super().event(event)
        left = event is not None and event.type() == QEvent.Type.ParentChange
        if left and self.parent() is None and self._is_whole:
            self._forget_images()
            self.set_up.stop_looking()
            self.on_screen.put_away()
        return done

    # dropping

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take local files and folders."""
        if event is not None and _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Take images, a board, or a calibration."""
        path = None if event is None else _dropped(event)
        if event is not None and path is not None:
            event.acceptProposedAction()
            self.take(path)

    def take(self, path: Path) -> None:
        """Fill in images or a board, or open a calibration: whatever it is."""
        folder = path if path.is_dir() else path.parent
        if (folder / "report.json").is_file():
            self.open(folder)
        elif path.suffix.lower() == ".toml":
            self.set_up.choose(board=path)
            self.tabs.setCurrentIndex(0)
        else:
            self.set_up.choose(source=folder if path.is_file() else path)
            self.tabs.setCurrentIndex(0)


def _dropped(event: QDragEnterEvent | QDropEvent) -> Path | None:
    """The first local path of a drag."""
    mime = event.mimeData()
    urls = mime.urls() if mime is not None else []
    return next((Path(url.toLocalFile()) for url in urls if url.isLocalFile()), None)
