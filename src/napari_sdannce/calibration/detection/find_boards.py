"""Looking for a board in all images of a source, camera by camera, in parallel."""

from __future__ import annotations

from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.sources.board_source import no_image_of
from napari_sdannce.geometry.threads import available_cores
from napari_sdannce.settings.events import Progress

from .coverage import Coverage
from .detect import BoardFinder
from .detections import Detections

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from napari_sdannce.calibration.boards.board_kinds import CharucoBoard, Checkerboard
    from napari_sdannce.calibration.sources.board_source import BoardSource
    from napari_sdannce.settings.events import Event

    from .detect import Sighting
    from .detections import Size

FloatArray = npt.NDArray[np.float64]

TASK = "find the board"
_LOOK_S = 0.2
_KEEN = 3
"""So many images after one with a board, and in one of so many without, a camera's images are
looked at thoroughly, which takes several times as long where there is none."""


@dataclass(frozen=True, eq=False, slots=True)
class FoundBoards:
    """What was found.

    Parameters
    ----------
    detections
        All sightings, by moment, then by camera.
    blur_px
        (G,) blur of each sighting's edges, px; NaN where not known.
    looked_at
        Images that were looked at.
    seconds
        What it took.
    matched
        How images were matched, and what of them was not used.
    unlike
        In what the board is not as its file says.
    is_film
        Whether moments are frames of videos, one after another in time.
    """

    detections: Detections
    blur_px: FloatArray
    looked_at: int
    seconds: float
    matched: str = ""
    unlike: str = ""
    is_film: bool = True

    def of_cameras(self, names: Sequence[str]) -> FoundBoards:
        """Only what was found of some cameras."""
        views = [self.detections.names.index(name) for name in names]
        of_them = np.isin(self.detections.view, views)
        return replace(
            self, detections=self.detections.of_views(views), blur_px=self.blur_px[of_them]
        )


def moments_to_look_at(n: int, every: int | None, most: int) -> range:
    """Moments to look at: every so many, or evenly as many as are allowed."""
    return range(0, n, every or max(1, -(-n // most)))


def threes_to_look_at(n: int, every: int | None, most: int) -> Sequence[int]:
    """As `moments_to_look_at`, each with the ones before and after, which tell how a board moved.

    Examples
    --------
    >>> threes_to_look_at(20, None, 9)
    [0, 1, 2, 7, 8, 9, 14, 15, 16]
    """
    if every is None and n <= most:
        return range(n)
    step = every or -(-3 * n // most)
    return sorted({near for i in range(1, n - 1, step) for near in (i - 1, i, i + 1)})


def find_boards(
    source: BoardSource, board: CharucoBoard | Checkerboard, moments: Sequence[int]
) -> Generator[Event, None, FoundBoards]:
    """Find a board in the images of all cameras.

    Each camera's images are read in their order by one thread, so that nothing is decoded twice;
    as many cameras at a time as there are cores.

    Yields
    ------
    Event
        Images done (`Progress`), and where the board was found so far (`BoardCoverage`).

    Returns
    -------
    What was found.

    Raises
    ------
    CalibrationError
        When the images of a camera differ in size, or it has none.
    """
    began = perf_counter()
    walks = [_Walk(source, board, view, moments) for view in range(len(source.names))]
    total = len(moments) * len(walks)
    coverage = Coverage(source.names, board.points)
    cores = available_cores()
    # OpenCV's threads stay awake while they wait, and take cores from cameras that have work
    few = opencv_threads(max(1, cores // len(walks)))
    with few, ThreadPoolExecutor(cores, "boards") as pool:
        jobs = [pool.submit(walk.go) for walk in walks]
        try:
            waiting = set(jobs)
            while waiting:
                ended, waiting = wait(waiting, timeout=_LOOK_S, return_when=FIRST_COMPLETED)
                for job in ended:
                    job.result()
                done = sum(walk.done for walk in walks)
                left = (perf_counter() - began) * (total - done) / done if done else None
                yield Progress(task=TASK, done=done, total=total, unit="images", seconds_left=left)
                if _count_new(walks, coverage) and waiting:
                    yield coverage.event()
        finally:
            for walk in walks:
                walk.is_wanted = False
    _count_new(walks, coverage)
    yield coverage.event()
    return FoundBoards(
        _detections(source, walks, board.points.shape[1]),
        _by_moment(walks, lambda sighting: sighting.blur_px),
        sum(walk.looked_at for walk in walks),
        perf_counter() - began,
    )


@contextmanager
def opencv_threads(n: int) -> Iterator[None]:
    """Let OpenCV use so many threads for each of its calls, in all of the program."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(n)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _count_new(walks: Sequence[_Walk], coverage: Coverage) -> bool:
    """Count what was found since the last time; whether there was something."""
    some = False
    for view, walk in enumerate(walks):
        while walk.uncounted:
            moment = walk.uncounted.popleft()
            assert walk.size is not None
            coverage.add(view, moment, walk.sightings[moment], walk.size)
            some = True
    return some


class _Walk:
    """The way of one thread through the images of one camera."""

    def __init__(
        self,
        source: BoardSource,
        board: CharucoBoard | Checkerboard,
        view: int,
        moments: Sequence[int],
    ) -> None:
        self.name = source.names[view]
        self.size: Size | None = None
        self.sightings: dict[int, Sighting] = {}
        self.uncounted: deque[int] = deque()
        self.done = self.looked_at = 0
        self.is_wanted = True
        self._source, self._view, self._moments = source, view, moments
        self._finder = BoardFinder(board)

    def go(self) -> None:
        """Look at all images."""
        since = 0  # images since the last one with a board
        for moment in self._moments:
            if not self.is_wanted:
                return
            image = self._source.read(moment, self._view)
            if image is not None:
                self._check_size((image.shape[1], image.shape[0]), moment)
                thorough = since <= _KEEN or since % _KEEN == 0
                sighting = self._finder.find(image, thorough=thorough)
                since = 0 if sighting is not None else since + 1
                self.looked_at += 1
                if sighting is not None:
                    self.sightings[moment] = sighting
                    self.uncounted.append(moment)
            self.done += 1

    def _check_size(self, size: Size, moment: int) -> None:
        if self.size is not None and size != self.size:
            raise CalibrationError(
                f"images of {self.name} differ in size: {self.size[0]} x {self.size[1]} px, then "
                f"{size[0]} x {size[1]} px at moment {moment}; cameras are calibrated at one size"
            )
        self.size = size


def _detections(source: BoardSource, walks: Sequence[_Walk], n_corners: int) -> Detections:
    blind = [walk.name for walk in walks if walk.size is None]
    if blind:
        raise no_image_of(source, blind)
    found = sorted((moment, view) for view, walk in enumerate(walks) for moment in walk.sightings)
    sightings = [walks[view].sightings[moment] for moment, view in found]
    return Detections(
        tuple(source.names),
        tuple(walk.size for walk in walks if walk.size is not None),
        np.array([view for _, view in found], dtype=np.int64),
        np.array([moment for moment, _ in found], dtype=np.int64),
        np.array([each.corners for each in sightings]).reshape(-1, n_corners, 2),
        np.array([each.side for each in sightings], dtype=np.int64),
    )


def _by_moment(walks: Sequence[_Walk], value: Callable[[Sighting], float]) -> FloatArray:
    """(G,) a value of each sighting, in the order of `_detections`."""
    found = sorted((moment, view) for view, walk in enumerate(walks) for moment in walk.sightings)
    return np.array([value(walks[view].sightings[moment]) for moment, view in found])
