"""The report of a calibration: how long its figures take, and how large they are.

    python benchmarks/report_drawing.py

Where matplotlib is installed (`pip install matplotlib`; it is no dependency), the same number of
figures of the same kind is drawn by it: maps of 500 arrows, tables of 64 counts, charts of 500
dots.
"""

from __future__ import annotations

import importlib.util
import io
import tempfile
from pathlib import Path
from time import process_time

import numpy as np
from machine import print_machine
from timing import print_table

from napari_sdannce.calibration.quality.calibration_report import report_of
from napari_sdannce.calibration.quality.verdict import verdict_of
from napari_sdannce.calibration.report.page import write_report
from napari_sdannce.calibration.solver.solution import solve
from napari_sdannce.synthetic.board_rigs import BoardRigSettings, board_rig

CHARTS = 6
"""Besides one a camera."""


def ours(cameras: int) -> tuple[float, int]:
    """CPU s of the three files of a report, and kB of its page."""
    settings = BoardRigSettings(cameras=cameras, moments=60)
    rig = board_rig(settings, 1)
    report = report_of(solve(rig.detections, settings.board), rig.detections)
    verdict = verdict_of(report)
    with tempfile.TemporaryDirectory() as folder:
        began = process_time()
        write_report(folder, report, verdict)
        spent = process_time() - began
        return spent, (Path(folder) / "report.html").stat().st_size // 1000


def by_matplotlib(cameras: int) -> tuple[float, int]:
    """CPU s of such figures, and of one picture of all arrows; kB of the figures."""
    from matplotlib.figure import Figure

    rng = np.random.default_rng(0)
    spots, misses = rng.uniform(0, 1000, (500, 2)), rng.normal(size=(500, 2))
    counts = rng.integers(0, 90, (8, 8))
    began, size = process_time(), 0
    kinds = ["arrows"] * cameras + ["counts"] * cameras + ["chart"] * (cameras + CHARTS)
    for kind in kinds:
        figure = Figure(figsize=(3.2, 3))
        axes = figure.add_subplot()
        if kind == "arrows":
            axes.quiver(*spots.T, *misses.T, np.linalg.norm(misses, axis=1))
        elif kind == "counts":
            axes.imshow(counts)
            for (y, x), count in np.ndenumerate(counts):
                axes.text(x, y, str(count), ha="center", fontsize=7)
        else:
            axes.scatter(*spots.T, s=4)
            axes.grid()
        file = io.BytesIO()
        figure.savefig(file, format="svg")
        size += file.tell()
    picture = Figure(figsize=(13.6, 10), dpi=200)
    for i in range(cameras):
        axes = picture.add_subplot(3, 4, i + 1)
        axes.quiver(*spots.T, *misses.T, np.linalg.norm(misses, axis=1))
    picture.savefig(io.BytesIO(), format="png")
    return process_time() - began, size // 1000


def main() -> None:
    print_machine()
    ways = {"ours": ours}
    if importlib.util.find_spec("matplotlib"):
        ways["matplotlib"] = by_matplotlib
    for way in ways.values():
        way(4)  # whatever is done once
    rows = [(f"{name}, {n} cameras", *way(n)) for n in (4, 12) for name, way in ways.items()]
    print_table(("", "CPU s", "kB"), rows)


if __name__ == "__main__":
    main()
