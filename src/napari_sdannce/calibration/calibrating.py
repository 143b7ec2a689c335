"""The job: from the images of a board to a calibration on disk, as a generator of events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.files.write_calibration import check_fisheye
from napari_sdannce.settings.events import JobDone, Message

from .boards.board_file import read_board
from .detection.boards_found import FILE as BOARDS
from .detection.boards_found import read_found
from .detection.check_board import check_board
from .detection.detect import BoardFinder
from .detection.find_boards import find_boards, moments_to_look_at, threes_to_look_at
from .detection.select_moments import is_blurred, select_moments
from .errors import CalibrationError
from .findings import Grade
from .measure_lenses import check_lenses, known_lenses
from .quality.calibration_report import report_of
from .quality.verdict import lengths_of, unlike_of, verdict_of
from .report.words import HEADLINES
from .results import check_files, check_out, try_out, write_results
from .solver.late import moments_to_correct, solve_in_step
from .solver.lenses import BrownLens, FisheyeLens, free_of
from .solver.solution import Model, solve
from .sources.board_source import StillSource, chosen, image_size, no_image_of, open_source
from .world import FIRST_CAMERA, MeasuredPoints, World, board_frame, check_apart, floor_frame
from .world_points import read_world_points

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from napari_sdannce.settings.calibrate import (
        CalibrateSettings,
        Late,
        LensKind,
        WorldSettings,
    )
    from napari_sdannce.settings.events import Event

    from .boards.board_keys import Board
    from .detection.detections import Detections
    from .detection.find_boards import FoundBoards
    from .findings import Finding, Verdict
    from .quality.calibration_report import CalibrationReport
    from .solver.known import KnownLenses
    from .solver.lenses import Lens
    from .solver.solution import Solution
    from .sources.board_source import BoardSource

LOOKING: dict[Late, Callable[[int, int | None, int], Sequence[int]]] = {
    "tell": moments_to_look_at,
    "correct": threes_to_look_at,
}
"""Where to look for the board."""
LENSES: dict[LensKind, Lens] = {"pinhole": BrownLens(), "fisheye": FisheyeLens()}
FOLDER = "calibration"
"""Where results go beside the videos, unless another place is named."""


def calibrate(settings: CalibrateSettings) -> Generator[Event, None, None]:
    """Calibrate cameras from what they recorded of a board.

    Yields
    ------
    Event
        How far it is, and what a person should know; at last `JobDone` with the files.

    Raises
    ------
    CalibrationError
        When it can not be done with what was recorded; says why, and what to record.
    FileFormatError, FileExistsError, OSError
        When files can not be read or written. Nothing half-written is left.
    """
    began = perf_counter()
    file = read_board(settings.board)
    board = file.board
    yield _say(str(file))
    out = _folder_of(settings)
    check_out(out, overwrite=settings.overwrite)
    check_settings(settings)
    try_out(out)
    if settings.found is None:
        found = kept = yield from _find(settings, board, out)
    else:
        found, kept = yield from _found_before(settings.found / BOARDS, settings, board, out)
    detections = yield from _choose(found, settings)
    known: KnownLenses | None = None
    if settings.intrinsics is not None:
        known = yield from known_lenses(settings, LENSES[settings.lens], board, detections)
    solved = yield from _solve(detections, found.detections, board, known, settings)
    world = world_of(solved.solution, settings)
    # still images were taken at any times, unless somebody says that they were not
    is_film = found.is_film or settings.late == "correct"
    report = report_of(
        solved.solution,
        solved.detections,
        found=solved.tested,
        detect_s=found.seconds,
        is_film=is_film,
    )
    lengths = () if world.measured is None else (lengths_of(world.measured, board),)
    verdict = verdict_of(report, *solved.findings, *lengths, *unlike_of(found.unlike))
    files = write_results(out, settings, report, verdict, world, kept, board)
    yield from _in_words(report, verdict)
    yield JobDone(seconds=perf_counter() - began, outputs=tuple(map(str, files)))


@dataclass(frozen=True, eq=False, slots=True)
class _Solved:
    """A solution, the corners that it was made from and is tested with, and what was found out."""

    solution: Solution
    detections: Detections
    tested: Detections | None
    findings: tuple[Finding, ...] = ()


def _solve(
    detections: Detections,
    found: Detections,
    board: Board,
    known: KnownLenses | None,
    settings: CalibrateSettings,
) -> Generator[Event, None, _Solved]:
    """Solve, with correction for late cameras where that is asked for."""
    lens, is_fixed = LENSES[settings.lens], settings.intrinsics_use == "fixed"
    model = Model(lens, settings.distortion, known, fixed=is_fixed)
    if settings.late == "tell":
        return _Solved(solve(detections, board, model), detections, found)
    in_step = solve_in_step(detections, board, model, found=found, still=_lying(settings))
    lost = len(detections.moments) - len(in_step.detections.moments)
    if lost:
        yield _say(f"{lost} of these are left out: the board can not be placed next to them")
    # not tested with corners as they were found: those are late
    return _Solved(in_step.solution, in_step.detections, None, in_step.findings)


def _in_words(report: CalibrationReport, verdict: Verdict) -> Iterator[Event]:
    """What a person should know of a calibration."""
    for finding in verdict.findings:
        yield _say(finding.text, is_warning=finding.grade != Grade.GOOD)
    where = "" if report.held_out is None else ", at moments that the cameras were not fitted to"
    yield _say(
        f"{HEADLINES[verdict.grade]} Half of the corners are closer than "
        f"{report.error_px:.2f} px{where}"
    )


def _found_before(
    path: Path, settings: CalibrateSettings, board: Board, out: Path
) -> Generator[Event, None, tuple[FoundBoards, FoundBoards]]:
    """Boards of a file, of the cameras that are wanted and of all."""
    kept = read_found(path, board)
    names = chosen(kept.detections.names, settings.cameras, path)
    check_files(out, names, settings)
    found = kept.of_cameras(names)
    yield _say(f"{len(found.detections)} boards that were found before are used, of {path}")
    return found, kept


def _folder_of(settings: CalibrateSettings) -> Path:
    """Where results go: beside the videos, unless another place is named."""
    source = settings.source
    out = settings.out or (source.parent if source.is_file() else source) / FOLDER
    # "..", too, of what is not there yet
    return out.resolve() if ".." in out.parts else out.absolute()


def check_settings(settings: CalibrateSettings) -> None:
    """Raise for what can not go well, before the long search begins.

    Raises
    ------
    CalibrationError
        When a setting needs another one.
    FileNotFoundError
        When a file is not there.
    ValueError
        When the lens has no such distortion term.
    """
    free_of(LENSES[settings.lens], settings.distortion or ())
    if settings.lens == "fisheye":
        check_fisheye(settings.formats)
    if settings.world == "points" and settings.world_points is None:
        raise CalibrationError(
            "world 'points' needs a table of points (world_points, --world-points)"
        )
    if settings.world in ("board", "floor") and not settings.world_frames:
        raise CalibrationError(
            f"world '{settings.world}' needs frames at which the board lies there (world_frames, "
            "--world-frames)"
        )
    found = settings.found and settings.found / BOARDS
    if settings.intrinsics is None and settings.intrinsics_use == "fixed":
        raise CalibrationError(
            "lenses that are to stay fixed need to be known: name where from (intrinsics, "
            "--intrinsics)"
        )
    for path in (settings.intrinsics, settings.world_points, found):
        if path is not None and not path.exists():
            raise FileNotFoundError(f"{path} does not exist")


def _say(text: str, *, is_warning: bool = False) -> Message:
    return Message(level="warning" if is_warning else "info", text=text)


def _find(
    settings: CalibrateSettings, board: Board, out: Path
) -> Generator[Event, None, FoundBoards]:
    """Find the board in all images."""
    source = open_source(settings.source, settings.match, cameras=settings.cameras)
    try:
        before = source.told
        yield from map(_say, before)
        if len(source.names) == 1:
            told = "a single camera: its lens is calibrated, but not where it stands"
            yield _say(told, is_warning=True)
        check_files(out, source.names, settings)
        _check_images(source, settings)
        _check_frames(source, board, settings)
        n, how = source.n_moments, LOOKING[settings.late]
        looked_at = how(n, settings.every, settings.most)
        if len(looked_at) < n:
            threes = ", three after one another" if settings.late == "correct" else ""
            yield _say(f"looking for the board at {len(looked_at)} of {n} moments{threes}")
        moments = sorted({*looked_at, *_lying(settings)})
        found = yield from find_boards(source, board, moments)
        yield from (_say(new, is_warning=True) for new in source.told if new not in before)
        unlike = check_board(source, board, found, moments)
        found = replace(found, matched="; ".join(source.told), unlike=unlike)
        found = replace(found, is_film=not isinstance(source, StillSource))
    finally:
        source.close()
    counts = np.bincount(found.detections.view, minlength=len(source.names))
    seen = ", ".join(f"{name} {n}" for name, n in zip(source.names, counts, strict=True))
    yield _say(f"found the board {counts.sum()} times in {found.looked_at} images ({seen})")
    return found


def _lying(settings: WorldSettings) -> tuple[int, ...]:
    """Frames at which the board lies where the world needs it."""
    return settings.world_frames if settings.world in ("board", "floor") else ()


def _check_images(source: BoardSource, settings: CalibrateSettings) -> None:
    """Raise for what fits no camera, before the search.

    Raises
    ------
    CalibrationError
        When a camera has no image, or lenses of a file are those of other images.
    ValueError
        When lenses are of another kind, or points of other cameras or of one place.
    """
    sizes = [image_size(source, view) for view in range(len(source.names))]
    blind = [name for name, size in zip(source.names, sizes, strict=True) if size is None]
    if blind:
        raise no_image_of(source, blind)
    check_lenses(settings, LENSES[settings.lens], source.names, sizes)
    if settings.world_points is not None:
        some = settings.cameras is not None
        _, _, points = read_world_points(settings.world_points, source.names, some=some)
        check_apart(points)


def _check_frames(source: BoardSource, board: Board, settings: WorldSettings) -> None:
    """Raise where no camera sees the board at a frame that the world needs, before the search."""
    finder = BoardFinder(board)
    for frame in _lying(settings):
        if not 0 <= frame < source.n_moments:
            raise CalibrationError(
                f"there is no frame {frame}: the recording has 0 to {source.n_moments - 1}"
            )
        images = (source.read(frame, view) for view in range(len(source.names)))
        if not any(image is not None and finder.find(image) for image in images):
            raise CalibrationError(
                f"no camera sees the board at frame {frame}, where the world needs it"
            )


def _choose(found: FoundBoards, settings: CalibrateSettings) -> Generator[Event, None, Detections]:
    """Sightings to calibrate from: without blurred ones, and of no more moments than allowed.

    Where late cameras are corrected for, of moments at which it can be known how the board moved.
    """
    detections, lying = found.detections, np.isin(found.detections.moment, _lying(settings))
    usable = lying | ~is_blurred(detections, found.blur_px)
    n_found = len(detections.moments)
    if settings.late == "correct":
        followed = moments_to_correct(detections)
        usable &= lying | np.isin(detections.moment, followed)
        if len(followed) < n_found:
            yield _say(
                f"{n_found - len(followed)} of {n_found} moments with a board only tell how it "
                "moved: it was not found both just before and just after"
            )
    kept = detections.take(usable)
    chosen = select_moments(kept, found.blur_px[usable], settings.use)
    detections = kept.at([*chosen, *_lying(settings)])
    if len(detections.moments) < n_found:
        yield _say(
            f"calibrating from the {len(detections.moments)} of {n_found} moments that tell most"
        )
    return detections


def world_of(solution: Solution, settings: CalibrateSettings) -> World:
    """World that is asked for, by settings that `check_settings` has let pass.

    Raises
    ------
    CalibrationError
        When the board was not seen where it is needed, or too few points were clicked.
    """
    measured = None
    if settings.world_points is not None:
        names, some = solution.detections.names, settings.cameras is not None
        clicked = read_world_points(settings.world_points, names, some=some)
        measured = MeasuredPoints.clicked(solution.cameras, *clicked)
    frame = FIRST_CAMERA
    if settings.world == "points" and measured is not None:
        frame = measured.frame()
    elif settings.world == "floor":
        frame = floor_frame(solution, settings.world_frames)
    elif settings.world == "board":
        frame = board_frame(solution, settings.world_frames[0])
    return World(frame, settings.world != "first-camera", measured)
