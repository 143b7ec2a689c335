"""What a way to calibrate is given, and what it answers: JSON from one environment to another.

Runs in the environments of the others, too: nothing here needs more than Python.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Board:
    """A ChArUco board, lengths in mm."""

    squares_across: int
    squares_down: int
    square_mm: float
    marker_mm: float
    dictionary: str
    inverted: bool


@dataclass(frozen=True)
class Sighting:
    """What one camera saw of the board at one moment: numbers of corners, and their (x, y) px."""

    view: int
    moment: int
    ids: list[int]
    corners: list[list[float]]


@dataclass(frozen=True)
class Lens:
    """(3, 3) matrix and OpenCV's k1, k2, p1, p2, k3."""

    matrix: list[list[float]]
    distortion: list[float]


@dataclass(frozen=True)
class Posed:
    """A calibrated camera: a world point X lies at ``rotation @ X + translation``, mm."""

    lens: Lens
    rotation: list[list[float]]
    translation: list[float]


@dataclass(frozen=True)
class Job:
    """Videos to find a board in, or what was found of it; lenses where they are known.

    `timestamps` is a file with the time of every frame; without it frame i of all videos is one
    moment. Lenses are kept as they are if `fixed`.
    """

    board: Board
    names: list[str]
    image_sizes: list[list[int]]
    videos: list[str] | None = None
    timestamps: str | None = None
    sightings: list[Sighting] | None = None
    lenses: list[Lens] | None = None
    fixed: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of it; `failure` says why there are no cameras."""

    version: str
    detect_s: float | None = None
    solve_s: float | None = None
    sightings: list[Sighting] | None = None
    cameras: list[Posed] | None = None
    failure: str | None = None


def write_job(path: Path, job: Job) -> None:
    path.write_text(json.dumps(asdict(job)))


def read_job(path: Path) -> Job:
    given = json.loads(path.read_text())
    given["board"] = Board(**given["board"])
    given["sightings"] = _each(Sighting, given["sightings"])
    given["lenses"] = _each(Lens, given["lenses"])
    return Job(**given)


def read_answer(path: Path) -> Answer:
    given = json.loads(path.read_text())
    given["sightings"] = _each(Sighting, given["sightings"])
    given["cameras"] = _each(lambda lens, **pose: Posed(Lens(**lens), **pose), given["cameras"])
    return Answer(**given)


def _each(kind: Callable[..., object], given: list[dict] | None) -> list | None:
    return None if given is None else [kind(**one) for one in given]


def answer(
    package: str,
    detect: Callable[[Job], list[Sighting]],
    solve: Callable[[Job, list[Sighting]], list[Posed]],
) -> None:
    """Do the job of the command line ``JOB.json ANSWER.json``."""
    job, out = read_job(Path(sys.argv[1])), Path(sys.argv[2])
    done: dict[str, object] = {"version": version(package)}
    with contextlib.redirect_stdout(sys.stderr):
        try:
            sightings = job.sightings
            if sightings is None:
                sightings, done["detect_s"] = _timed(lambda: detect(job))
                done["sightings"] = sightings
            done["cameras"], done["solve_s"] = _timed(lambda: solve(job, sightings))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            done["failure"] = " ".join(f"{type(error).__name__}: {error}".split())
    out.write_text(json.dumps(asdict(Answer(**done))))


def _timed(work: Callable[[], object]) -> tuple[object, float]:
    start = time.perf_counter()
    result = work()
    return result, time.perf_counter() - start
