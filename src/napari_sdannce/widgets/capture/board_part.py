"""The part of the panel that looks for a board: between tiles, the bar and the watch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QFileDialog

from napari_sdannce.calibration.boards.board_file import read_board
from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.widgets.capture.board_watch import WIDTH, BoardWatch, SeenBoards
from napari_sdannce.widgets.opening import in_plain_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtWidgets import QWidget

    from napari_sdannce.capture.recorder.pictures import Picture
    from napari_sdannce.widgets.capture.record_bar import RecordBar
    from napari_sdannce.widgets.capture.tiles import Tiles

_BOARDS = "Boards (*.toml)"


class BoardPart(QObject):
    """Looks for a board while the person wants it, and shows where it was.

    Parameters
    ----------
    tiles, bar
        Where it is shown.
    parent
        The panel.
    """

    changed = Signal()
    """Pictures of another size are wanted."""
    trouble = Signal(str)

    def __init__(self, tiles: Tiles, bar: RecordBar, parent: QWidget) -> None:
        super().__init__(parent)
        self.watch: BoardWatch | None = None
        self.file: Path | None = None
        """File of the board that was looked for last."""
        self._panel, self._tiles, self._bar = parent, tiles, bar
        self._names: tuple[str, ...] = ()
        bar.board_asked.connect(self._on_asked)

    def of_cameras(self, names: tuple[str, ...]) -> None:
        """These cameras are looked through from now on; the board is looked for no more."""
        self.end()
        self._names = names

    def widths(self, widths: Mapping[str, int]) -> dict[str, int]:
        """Widths of the pictures that are wanted (px): of all cameras while a board is sought."""
        if self.watch is None:
            return dict(widths)
        return {name: max(WIDTH, widths.get(name, 0)) for name in self._names}

    def look(self, pictures: Mapping[str, Picture]) -> None:
        """Look for the board in these."""
        if self.watch is not None and pictures:
            self.watch.look(pictures)

    def _on_asked(self, wanted: bool) -> None:
        self.end()
        if wanted:
            path, _ = QFileDialog.getOpenFileName(self._panel, "The file of the board", "", _BOARDS)
            if path:
                self.begin(Path(path))

    def begin(self, path: Path) -> None:
        """Look for the board of a file."""
        self.end()
        try:
            board = read_board(path).board
        except (FileFormatError, OSError) as error:
            self.trouble.emit(in_plain_words(error))
            return
        self.file = path
        watch = self.watch = BoardWatch(board, self._names, self)
        watch.seen.connect(lambda seen: self._show(watch, path.name, seen))
        self._show(watch, path.name, SeenBoards())
        self.changed.emit()

    def end(self) -> None:
        """Look no more."""
        if self.watch is not None:
            self.watch.close()
            self.watch.deleteLater()
            self.watch = None
            self._tiles.show_boards(None)
            self.changed.emit()
        self._bar.show_boards("", None)

    def _show(self, watch: BoardWatch, name: str, seen: SeenBoards) -> None:
        if watch is self.watch:  # what was found last may come after the end
            self._tiles.show_boards(seen)
            self._bar.show_boards(name, seen)
