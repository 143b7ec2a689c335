"""All cameras side by side, or one alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QWidget

from napari_sdannce.widgets.capture.tile import CameraTile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from qtpy.QtGui import QResizeEvent

    from napari_sdannce.capture.recorder.counts import CameraCounts
    from napari_sdannce.capture.recorder.pictures import Picture
    from napari_sdannce.widgets.capture.board_watch import SeenBoards


class Tiles(QWidget):
    """One tile a camera, as many rows as columns about."""

    wants_changed = Signal()
    """Pictures of another width, or of other cameras, are wanted."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.tiles: dict[str, CameraTile] = {}
        self._alone: str | None = None
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(3)

    def show_cameras(self, names: Sequence[str], fps: float) -> None:
        """Have a tile for each of these cameras; those that are there stay."""
        for tile in self.tiles.values():
            self._grid.removeWidget(tile)
            if tile.name not in names:
                tile.deleteLater()
        kept = self.tiles
        self.tiles = {name: kept.get(name) or self._tile(name) for name in names}
        if self._alone not in names:
            self._alone = None
        columns = max(1, math.ceil(math.sqrt(len(names))))
        for number, tile in enumerate(self.tiles.values()):
            tile.fps = fps
            self._grid.addWidget(tile, number // columns, number % columns)
        self._show()

    def _tile(self, name: str) -> CameraTile:
        tile = CameraTile(name, 0.0, self)
        tile.enlarge_asked.connect(self.enlarge)
        tile.zoomed.connect(self.wants_changed.emit)
        return tile

    @property
    def widths(self) -> dict[str, int]:
        """Width of the picture that each tile in sight wants (px)."""
        return {name: tile.wanted_width for name, tile in self.tiles.items() if self._sees(name)}

    def enlarge(self, name: str) -> None:
        """Show one camera alone, or all again."""
        self._alone = None if self._alone == name else name
        self._show()

    def _sees(self, name: str) -> bool:
        return self._alone in (None, name)

    def _show(self) -> None:
        for name, tile in self.tiles.items():
            tile.setVisible(self._sees(name))
        self.wants_changed.emit()

    def show_pictures(self, pictures: Mapping[str, Picture]) -> None:
        """Show what cameras see; none at all: encoders need the time."""
        for name, tile in self.tiles.items():
            if name in pictures:
                tile.show_picture(pictures[name])
            elif not pictures:
                tile.is_paused = True
                tile.update()

    def show_boards(self, seen: SeenBoards | None) -> None:
        """Show where a board was and is; None: nothing any more."""
        for name, tile in self.tiles.items():
            if seen is None:
                tile.show_board(None, None)
            else:
                tile.show_board(seen.cells.get(name), seen.corners.get(name))

    def show_counts(self, counts: Sequence[CameraCounts]) -> None:
        """Show how frames come."""
        for each in counts:
            if each.name in self.tiles:
                self.tiles[each.name].show_counts(each)

    def forget_focus(self) -> None:
        """Compare focus with what is seen from now on."""
        for tile in self.tiles.values():
            tile.forget_focus()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Other pictures are wanted in another size."""
        super().resizeEvent(event)
        self.wants_changed.emit()
