"""Copying the frames to label while one labels, so that each is there at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from napari_sdannce.labeling.scrub_copy import ScrubCopy
from napari_sdannce.video import RecordingVideo
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from napari_sdannce.labeling.scrub_copy import Copied
    from napari_sdannce.widgets.label_3d.desk import Desk


class Copying(QObject):
    """Copies frames with readers of its own: the frame in view stays quick to step from."""

    progress = Signal(str)
    message = Signal(str, bool)
    ended = Signal(bool)
    """Nothing is left to do; whether all that was asked for is copied."""

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self._worker: Any = None
        self._next: list[int] | None = None
        self._is_whole = False
        self._is_dropped = False

    @property
    def is_running(self) -> bool:
        """Whether frames are being copied."""
        return self._worker is not None

    def start(self, moments: Sequence[int]) -> None:
        """Copy these moments and those round them, instead of what is left of others."""
        self._next = list(moments)
        if self.is_running:
            self._worker.quit()
        else:
            self._go_on()

    def stop(self) -> None:
        """Copy no more; what is copied stays."""
        self._next, self._is_whole = None, False
        if self._worker is not None:
            self._worker.quit()

    def drop(self) -> None:
        """Stop, and say nothing more: the session is put away."""
        self._is_dropped = True
        self.stop()

    def _go_on(self) -> None:
        moments, self._next = self._next or [], None
        self._is_whole = True
        self._worker = create_worker(self._copy, moments)
        self._worker.yielded.connect(self._on_copied)
        self._worker.returned.connect(self._on_returned)
        self._worker.finished.connect(self._on_finished)
        self._worker.start()

    def _copy(self, moments: Sequence[int]) -> Generator[Copied, None, Failed | None]:
        folder = self.desk.copy.folder
        try:
            with (
                RecordingVideo(self.desk.recording, color="rgb", threads=1) as video,
                ScrubCopy(folder, video) as copy,
            ):
                copy.forget_others()
                yield from copy.make(moments)
        except FILE_ERRORS as error:
            return Failed(in_plain_words(error))
        return None

    def _on_copied(self, copied: Copied) -> None:
        if not self._is_dropped:
            self.progress.emit(f"{copied.done} of {copied.total} frames are copied")

    def _on_finished(self) -> None:
        self._worker = None
        if self._is_dropped:
            return
        if self._next is not None:
            self._go_on()
        else:
            self.ended.emit(self._is_whole)

    def _on_returned(self, failed: Failed | None) -> None:
        if failed is None:
            return
        self._is_whole = False
        if not self._is_dropped:
            self.message.emit(f"Frames are not copied: {failed.message}", True)
