"""The panel "Recording": open a folder, choose what to see, follow the moment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QLabel, QVBoxLayout, QWidget

from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.add_layers import add_images, add_marks
from napari_sdannce.widgets.breakable import breakable
from napari_sdannce.widgets.empty_page import EmptyPage
from napari_sdannce.widgets.opening import (
    Failed,
    FoundFile,
    Opened,
    in_plain_words,
    kind_of,
    marks_of,
    open_marks,
    open_shown,
    short_name,
)
from napari_sdannce.widgets.recording_layers import RecordingLayers, shown_in
from napari_sdannce.widgets.recording_page import RecordingPage
from napari_sdannce.widgets.scrolled import scrolled

if TYPE_CHECKING:
    import napari
    from qtpy.QtGui import QDragEnterEvent, QDropEvent

    from napari_sdannce.labels import Labels
    from napari_sdannce.poses import Poses
    from napari_sdannce.widgets.drawn_marks import DrawnMarks


class RecordingPanel(QWidget):
    """Opens recordings and shows them in the viewer.

    Parameters
    ----------
    napari_viewer
        The viewer; napari hands it over.
    """

    opened = Signal()
    """A recording is on screen, or could not be opened."""
    marks_opened = Signal()
    """Labels or predictions are on screen, or could not be opened."""
    _inspected = Signal()

    def __init__(self, napari_viewer: napari.viewer.Viewer, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.viewer = napari_adapter.real_viewer(napari_viewer)
        self.shown: RecordingLayers | None = None
        self.files: dict[Path, DrawnMarks] = {}
        self._worker: Any = None
        self.setAcceptDrops(True)
        self._empty = EmptyPage()
        self._empty.open_asked.connect(self.ask_for_folder)
        self._empty.sample_asked.connect(self.open_sample)
        self.page = RecordingPage()
        self.page.open_asked.connect(self.ask_for_folder)
        self.page.file_asked.connect(self.toggle_file)
        self.page.message.connect(self.say)
        self._scroll = scrolled(self.page)
        self._said = ""
        self._status = QLabel()
        self._status.setWordWrap(True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self._empty, stretch=1)
        layout.addWidget(self._scroll, stretch=1)
        layout.addWidget(self._status)
        self._inspected.connect(self.page.show_problems)
        self.setMinimumWidth(330)
        napari_adapter.later(self._as_tab)
        self.follow(shown_in(self.viewer))
        self.viewer.layers.events.inserted.connect(self._on_inserted)

    def _as_tab(self) -> None:
        napari_adapter.as_tab(self, "Recording")

    # what is said

    @property
    def status(self) -> str:
        """The line at the bottom."""
        return self._said

    def say(self, text: str, trouble: bool = False) -> None:
        """Write the line at the bottom; trouble stands out."""
        self._status.setText(breakable(text))
        self._said = text
        self._status.setStyleSheet("color: #ff8c69; font-weight: bold" if trouble else "")
        self._status.setToolTip(text)

    # opening

    def ask_for_folder(self) -> None:
        """Let the person choose a folder."""
        folder = QFileDialog.getExistingDirectory(self, "Open a recording folder")
        if folder:
            self.open(folder)

    def open_sample(self) -> None:
        """Open the recording that comes with the program."""
        from napari_sdannce.demo_data import own_sample

        try:
            self.open(own_sample())
        except OSError as error:
            self.say(in_plain_words(error), trouble=True)

    def open(self, path: str | Path) -> None:
        """Open a recording in the background and show it in place of the present one."""
        if self._worker is not None:
            self.say("Something is being opened already; one moment.")
            return
        if not self.page.marks.may_lose_edit():
            return
        self.say(f"Opening {Path(path).name} …")
        self._set_busy(True)
        self._start(open_shown, self._on_opened, Path(path))

    def toggle_file(self, found: FoundFile) -> None:
        """Show labels or predictions; take them away when they are shown."""
        if self.shown is None or self._worker is not None:
            return
        if found.path in self.files:
            self.shown.remove(self.files.pop(found.path))
            self.page.mark_shown(self.files)
            return
        self.say(f"Reading {found.path.name} …")
        self._set_busy(True)
        self._start(open_marks, lambda result: self._on_marks(found, result), found, self.shown)

    def _start(self, work: Any, then: Any, *arguments: Any) -> None:
        self._worker = create_worker(work, *arguments)
        self._worker.returned.connect(then)
        self._worker.errored.connect(self._on_error)
        self._worker.start()

    def _on_opened(self, result: Opened | Failed) -> None:
        self._set_busy(False)
        if isinstance(result, Failed):
            self.say(result.message, trouble=True)
        else:
            if self.shown is not None:
                self.shown.close()
            shown = add_images(self.viewer, result.recording, result.video, result.images)
            self.follow(shown, result.files)
            n = len(result.images)
            self.say(f"{n} camera{'s' * (n != 1)}, {shown.n_moments} frames.")
        self.opened.emit()

    def _on_marks(self, found: FoundFile, result: Poses | Labels | Failed) -> None:
        self._set_busy(False)
        if isinstance(result, Failed):
            self.say(result.message, trouble=True)
        elif self.shown is not None:
            self._show_marks(found, result, self.shown)
        self.marks_opened.emit()

    def _show_marks(self, found: FoundFile, result: Poses | Labels, shown: RecordingLayers) -> None:
        try:
            name = short_name(found.path, shown.recording.folder)
            marks = marks_of(result, shown, name)
        except ValueError as error:
            self.say(in_plain_words(error), trouble=True)
            return
        add_marks(shown, marks)
        self.files[found.path] = shown.drawn[-1]
        self.page.mark_shown(self.files)
        moments = marks.moments()
        if len(moments) and shown.moment not in moments:
            shown.go_to(int(moments[0]))
        self.say(f"{found.path.name}: {len(moments)} of {shown.n_moments} frames.")

    def _on_error(self, error: BaseException) -> None:
        """A mistake of ours: napari shows it whole, the panel says that it happened."""
        self._set_busy(False)
        self.say(f"This should not have happened: {in_plain_words(error)}", trouble=True)

    def _set_busy(self, busy: bool) -> None:
        if not busy:
            self._worker = None
        self._empty.setEnabled(not busy)
        self.page.set_busy(busy)

    # following

    def follow(
        self, shown: RecordingLayers | None, files: tuple[FoundFile, ...] | None = None
    ) -> None:
        """Show this recording in the panel; None: the empty page."""
        self.shown = shown
        self.files = {}
        self._empty.setVisible(shown is None)
        self._scroll.setVisible(shown is not None)
        self.page.follow(shown, files)
        if shown is not None:
            shown.closed.connect(self._on_closed)
            shown.marks_changed.connect(self._on_marks_changed)
            shown.video.inspect_in_background(self._inspected.emit)

    def _on_inserted(self, event: object = None) -> None:
        """A script may have shown a recording."""
        if self.shown is None and self._worker is None:
            napari_adapter.later(self._look_again)

    def _look_again(self) -> None:
        shown = shown_in(self.viewer) if self.shown is None else None
        if shown is not None:
            self.follow(shown)

    def _on_closed(self) -> None:
        self.follow(None)
        self.say("")

    def _on_marks_changed(self) -> None:
        """Marks may have been taken away through the layer list."""
        if self.shown is not None:
            there = self.shown.drawn
            self.files = {path: drawn for path, drawn in self.files.items() if drawn in there}
            self.page.mark_shown(self.files)

    # dropping

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Take local files and folders."""
        if event is not None and _dropped(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped: a recording, or labels and predictions of the one that is open."""
        path = _dropped(event) if event is not None else None
        if event is None or path is None:
            return
        event.acceptProposedAction()
        self.open_any(path)

    def open_any(self, path: Path) -> None:
        """Open a recording, or draw a file over the one that is open."""
        kind = kind_of(path) if self.shown is not None else None
        if kind is None:
            self.open(path)
        else:
            self.show_file(FoundFile(path, kind))

    def show_file(self, found: FoundFile) -> None:
        """List labels or predictions, wherever they lie, and draw them as they are now."""
        self.page.add_file(found)
        if found.path in self.files:
            self.toggle_file(found)  # it may have grown
        self.toggle_file(found)


def _dropped(event: QDragEnterEvent | QDropEvent) -> Path | None:
    """The first local path of a drag."""
    mime = event.mimeData()
    urls = mime.urls() if mime is not None else []
    return next((Path(url.toLocalFile()) for url in urls if url.isLocalFile()), None)
