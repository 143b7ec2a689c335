"""Calibrating cameras from a board: ours beside aniposelib and caliscope, times and errors.

    python benchmarks/calibration.py [--anipose-python PATH] [--caliscope-python PATH]

The others live in environments of their own, because their versions of numpy and OpenCV are their
business:

    python -m venv /tmp/anipose
    /tmp/anipose/bin/pip install aniposelib==0.8.0
    python -m venv /tmp/caliscope
    /tmp/caliscope/bin/pip install caliscope==0.11.8
    python benchmarks/calibration.py --anipose-python /tmp/anipose/bin/python \
        --caliscope-python /tmp/caliscope/bin/python

Two recordings, in the folder that SDANNCE_SHARED names (../shared): four webcams with a board in
somebody's hands, and 21 stills of each camera of a mouse cage. Every way runs in a process of its
own, from the videos or from the same corners, with lenses that are not known, that are kept fixed
as they were measured before, or (ours) that were known to half a percent and are given up where the
boards contradict them.

* aniposelib from videos: the steps of `CameraGroup.calibrate_videos`, which looks at each frame
  only where it has just found a board. It knows no boards that are printed white on black, so it
  is given negated copies of the webcams' videos.
* caliscope from videos: all frames, lenses from the same sightings as the poses, and then its
  `calibrate_extrinsics` with the distances on the board as constraints. "As on its page": the steps
  of its page on scripting instead, which has no constraints.
* ours from videos: `sdannce calibrate`, where that command is there; its boards are those that were
  used, without the blurred ones.
* From the same corners: those that caliscope's detector found in the webcams' videos, OpenCV's
  in the stills.

Copies are FFV1, stills become such videos for the others; copying is not timed. Seconds are
without the start of Python, but with compiling, as one gets them; processor time and peak of memory
are those of the whole process. Errors are of the same corners for all ways, none left out: each
that two cameras saw is triangulated, px are from there to where it was seen, mm from triangulated
corners to a board laid onto them, median over moments. A way with fewer corners than the others has
lenses that do not reach some of them. (The board of the cage is bent by up to 0.8 mm: more than
half of its mm are the board's, whatever the cameras.) Held out: even moments are fitted, odd ones
tested. Fitted: all moments are fitted and tested.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from calibration_ways.job import Job, read_answer, write_job
from calibration_ways.ours import board_of, camera_of, detections_of
from calibration_ways.recordings import Recording, stills, webcams
from machine import print_machine
from timing import print_table

from napari_sdannce.calibration.quality.errors_px import rigid_residuals, triangulate_boards
from napari_sdannce.files.anipose import read_anipose

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from calibration_ways.job import Sighting

    from napari_sdannce.calibration.detection.detections import Detections
    from napari_sdannce.geometry import Camera

WAYS = Path(__file__).parent / "calibration_ways"
COMMAND = [sys.executable, "-m", "napari_sdannce", "calibrate"]
MEASURED = [sys.executable, "-I", "-S", str(WAYS / "measured.py")]

OURS, FIXED, KNOWN = "ours", ", lenses fixed", ", lenses known"
TIMES = ("", "detect s", "solve s", "CPU s", "peak MiB", "boards", "corners")
ERRORS = ("", "mean px", "median px", "RMSE px", "mm")


@dataclass(frozen=True)
class Program:
    """A program that calibrates: its Python, and what does its jobs.

    `plain`: it needs boards that are printed black on white. `finds`: it is asked to find boards.
    """

    name: str
    python: str
    script: str
    plain: bool = False
    finds: bool = True


@dataclass(frozen=True)
class Run:
    """What came of a process, and what it took; `failure` says why there are no cameras."""

    cpu_s: float
    peak_mib: float
    detect_s: float | None = None
    solve_s: float | None = None
    cameras: tuple[Camera, ...] | None = None
    boards: list[int] | None = None
    corners: int | None = None
    sightings: list[Sighting] | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Way:
    """A way to calibrate one recording: all moments fitted, and even ones alone."""

    name: str
    whole: Run
    even: Run


def measured(command: Sequence[str], folder: Path) -> tuple[subprocess.CompletedProcess, dict]:
    """Run a command; what it said, and what it took."""
    spent = folder / "spent.json"
    given = [*MEASURED, str(spent), *command]
    run = subprocess.run(given, capture_output=True, text=True, check=False)
    return run, json.loads(spent.read_text())


def last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "it said nothing"


def ask(program: Program, job: Job) -> Run:
    """Have a program do a job in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        given, answered = Path(name) / "job.json", Path(name) / "answer.json"
        write_job(given, job)
        command = [program.python, str(WAYS / program.script), str(given), str(answered)]
        run, spent = measured(command, Path(name))
        if not answered.exists():
            return Run(**spent, failure=last_line(run.stderr))
        answer = read_answer(answered)
    found = answer.sightings
    each = zip(job.names, job.image_sizes, answer.cameras or [], strict=False)
    return Run(
        **spent,
        detect_s=answer.detect_s,
        solve_s=answer.solve_s,
        cameras=None if answer.cameras is None else tuple(camera_of(*one) for one in each),
        boards=None if found is None else boards_in(found, len(job.names)),
        corners=None if found is None else sum(len(one.ids) for one in found),
        sightings=found,
        failure=answer.failure,
    )


def boards_in(found: list[Sighting], n_views: int) -> list[int]:
    views = np.array([one.view for one in found], dtype=int)
    return np.bincount(views, minlength=n_views).tolist()


def from_command(recording: Recording) -> Iterator[Way]:
    """`sdannce calibrate`; held out are moments that are not in its folder."""
    options: dict[str, tuple[str, ...]] = {"": ()}
    if recording.known:
        options[KNOWN] = ("--intrinsics", str(recording.known))
        options[FIXED] = (*options[KNOWN], "--intrinsics-use", "fixed")
    for words, given in options.items():
        whole = command_on(recording, recording.source, *given)
        part = command_on(recording, recording.even, *given)
        yield Way(f"{OURS}, videos{words}", whole, part)


def command_on(recording: Recording, source: Path, *options: str) -> Run:
    """Have `sdannce calibrate` find the board in a folder and solve."""
    with tempfile.TemporaryDirectory() as name:
        board, out = Path(name) / "board.toml", Path(name) / "out"
        board.write_text(board_toml(recording))
        files = ("--board", str(board), "--out", str(out), "--progress", "none")
        command = [*COMMAND, str(source), *files, *options]
        run, spent = measured(command, Path(name))
        if run.returncode:
            return Run(**spent, failure=last_line(run.stderr or run.stdout))
        report = json.loads((out / "report.json").read_text())
        cameras = {camera.name: camera for camera in read_anipose(out / "calibration.toml")}
    about = [report["cameras"][name] for name in recording.names]
    return Run(
        **spent,
        detect_s=report["seconds"]["detect"],
        solve_s=report["seconds"]["solve"],
        cameras=tuple(cameras[name] for name in recording.names),
        boards=[one["sightings"] for one in about],
        corners=sum(one["corners"] for one in about),
    )


def board_toml(recording: Recording) -> str:
    board = recording.board
    return (
        'kind = "charuco"\n'
        f"squares_across = {board.squares_across}\nsquares_down = {board.squares_down}\n"
        f"square_mm = {board.square_mm}\nmarker_mm = {board.marker_mm}\n"
        f'dictionary = "{board.dictionary}"\ninverted = {str(board.inverted).lower()}\n'
    )


def has_command() -> bool:
    """Whether `sdannce calibrate` is there."""
    return subprocess.run([*COMMAND, "--help"], capture_output=True, check=False).returncode == 0


def version_of(package: str, python: str) -> str:
    """Version of a package in another environment."""
    code = f"from importlib.metadata import version; print(version({package!r}))"
    run = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"{python} has no {package}:\n{run.stderr}")
    return run.stdout.strip()


def even(found: list[Sighting]) -> list[Sighting]:
    return [one for one in found if one.moment % 2 == 0]


def from_videos(program: Program, job: Job, name: str) -> Way:
    """The whole way; held out are moments of its own detections."""
    whole = ask(program, job)
    if whole.sightings is None:
        return Way(name, whole, whole)
    found = even(whole.sightings)
    return Way(name, whole, ask(program, replace(job, videos=None, sightings=found)))


def from_corners(program: Program, job: Job, name: str) -> Way:
    """From corners that were found."""
    whole = ask(program, job)
    return Way(name, whole, ask(program, replace(job, sightings=even(job.sightings))))


def ways(recording: Recording, programs: Sequence[Program]) -> Iterator[Way]:
    """All ways to calibrate a recording, one after the other."""
    if has_command():
        yield from from_command(recording)
    else:
        print("ours, videos: there is no `sdannce calibrate` yet\n")
    jobs = {"": Job(recording.board, recording.names, recording.image_sizes)}
    if recording.lenses is not None:
        jobs[FIXED] = replace(jobs[""], lenses=recording.lenses, fixed=True)
        jobs[KNOWN] = replace(jobs[FIXED], fixed=False)
    for program in (each for each in programs if each.finds):
        videos = recording.plain_videos if program.plain else recording.videos
        for words, job in jobs.items():
            if words != KNOWN:
                job = replace(job, videos=videos, timestamps=recording.timestamps)
                yield from_videos(program, job, f"{program.name}, videos{words}")
    for words, job in jobs.items():
        for program in programs:
            if words != KNOWN or program.name == OURS:
                job = replace(job, sightings=recording.sightings)
                yield from_corners(program, job, f"{program.name}, same corners{words}")


def errors(cameras: Sequence[Camera], tested: Detections, board: np.ndarray) -> tuple:
    """Mean, median, RMSE px, mm, of cameras that were fitted to whatever."""
    seen = triangulate_boards(cameras, tested)
    rigid = rigid_residuals(seen.points, board)
    px = seen.errors
    return px.mean, px.median, px.rmse, float(np.nanmedian(rigid)), px.count


def compare(recording: Recording, programs: Sequence[Program]) -> None:
    """Print the tables of one recording."""
    print(f"## {recording.title}\n", flush=True)
    board = board_of(recording.board)
    found = detections_of(recording.names, recording.image_sizes, board, recording.sightings)
    odd = found.at(found.moments[found.moments % 2 == 1])
    times, held_out, fitted, failures = [], [], [], []
    for way in ways(recording, programs):
        times.append((way.name, *spent(way.whole)))
        for rows, run, tested in ((held_out, way.even, odd), (fitted, way.whole, found)):
            if run.cameras is not None:
                rows.append((way.name, *errors(run.cameras, tested, board.points[0])))
        failures += sorted(
            {f"{way.name}: {run.failure}" for run in (way.whole, way.even) if run.failure}
        )
    print_table(TIMES, times)
    for title, rows in (("held out", held_out), ("fitted", fitted)):
        print_table((title, *ERRORS[1:], "corners"), rows)
    for failure in failures:
        print(f"* {failure}")
    print()


def spent(run: Run) -> tuple:
    """Cells of the table of times."""
    seconds = ["-" if each is None else each for each in (run.detect_s, run.solve_s)]
    boards = "-" if run.boards is None else " ".join(map(str, run.boards))
    return (*seconds, run.cpu_s, run.peak_mib, boards, "-" if run.corners is None else run.corners)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--anipose-python", help="interpreter that has aniposelib")
    parser.add_argument("--caliscope-python", help="interpreter that has caliscope")
    given = parser.parse_args()
    programs = [Program(OURS, sys.executable, "with_ours.py", finds=False)]
    if python := given.anipose_python:
        name = f"aniposelib {version_of('aniposelib', python)}"
        programs.append(Program(name, python, "with_aniposelib.py", plain=True))
    if python := given.caliscope_python:
        name = f"caliscope {version_of('caliscope', python)}"
        programs.append(Program(name, python, "with_caliscope.py"))
        page = Program(f"{name} as on its page", python, "with_caliscope_page.py", finds=False)
        programs.append(page)
    print_machine("numpy", "scipy", "opencv-python-headless")
    for record in (webcams, stills):
        with tempfile.TemporaryDirectory() as scratch:
            compare(record(Path(scratch)), programs)


if __name__ == "__main__":
    main()
