"""Do the error bars of calibrations hold? Rigs whose truth is known, solved with nothing known.

    python benchmarks/calibration_coverage.py [--rigs 200]

Two to twelve cameras see a board 25 to 60 times, with 0.1 to 0.5 px of noise. A sixth of the rigs
each: nothing special; fisheye lenses; one corner in ten somewhere else, 3 to 60 px away; one camera
pushed by 2 degrees and 15 mm after two thirds of the moments; a plain checkerboard with each
sighting either way round; lenses "known" 15 or 30 % wrongly, with an error of half a percent.

Counted are all intrinsic numbers and all poses (each turn and shift) relative to the first camera:
how many lie within 1.96 sigmas of the truth. Rigs that are refused count as such, with the reason.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import replace
from time import perf_counter

import numpy as np
from machine import print_machine
from timing import print_table

from napari_sdannce.calibration.boards.board_kinds import Checkerboard
from napari_sdannce.calibration.errors import CalibrationError
from napari_sdannce.calibration.solver.known import KnownLenses
from napari_sdannce.calibration.solver.lenses import FisheyeLens
from napari_sdannce.calibration.solver.rigid import log
from napari_sdannce.calibration.solver.solution import Model, solve
from napari_sdannce.synthetic.board_rigs import BoardRig, BoardRigSettings, board_rig

CAMERAS, MOMENTS, NOISE_PX = (2, 3, 4, 6, 8, 12), (25, 40, 60), (0.1, 0.25, 0.5)
SPECIAL = {
    "nothing special": {},
    "fisheye": {"lens": FisheyeLens()},
    "10 % outliers": {"outliers": 0.1},
    "a camera pushed": {"moved": True},
    "checkerboard, flipped": {"board": Checkerboard(7, 5, 25.0), "flipped": True},
    "lenses known wrongly": {},
}


def wrongly_known(made: BoardRig, settings: BoardRigSettings, seed: int) -> KnownLenses:
    """Focal lengths off by 15 or 30 %, said to be good to half a percent."""
    rng = np.random.default_rng([seed, 1])
    numbers = made.truth.numbers.copy()
    numbers[:, :2] *= 1 + rng.choice([-0.15, 0.15, 0.3], size=(len(numbers), 1))
    bend = 0.1 * settings.lens.usual(1.0)
    precision = [
        np.diag(1 / np.array([0.005 * own[0], 0.005 * own[1], 6, 6, 1, *bend]) ** 2)
        for own in numbers
    ]
    return KnownLenses(numbers, np.stack(precision))


def sigmas_off(kind: str, seed: int) -> tuple[np.ndarray, float]:
    """How many sigmas each number is off, and seconds."""
    base = BoardRigSettings(
        cameras=CAMERAS[seed % 6], moments=MOMENTS[seed % 3], noise_px=NOISE_PX[seed % 3]
    )
    settings = replace(base, **SPECIAL[kind])
    made = board_rig(settings, seed)
    wrong = kind == "lenses known wrongly"
    model = Model(settings.lens, known=wrongly_known(made, settings, seed) if wrong else None)
    began = perf_counter()
    fit = solve(made.detections, settings.board, model).fit
    seconds = perf_counter() - began
    turns = fit.rig.cameras.rotation @ np.swapaxes(made.truth.cameras.rotation, -1, -2)
    shifts = fit.rig.cameras.translation - made.truth.cameras.translation
    off = np.concatenate([fit.rig.numbers - made.truth.numbers, log(turns), shifts], axis=1)
    free = fit.problem.free
    return off[free] / fit.covariance.sigma[free], seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)  # noqa: E501  # fmt: skip
    parser.add_argument("--rigs", type=int, default=200)
    n = parser.parse_args().rigs
    print_machine()
    found, seconds, refused = defaultdict(list), defaultdict(list), defaultdict(list)
    for seed in range(n):
        kind = list(SPECIAL)[(seed // 6) % 6]
        try:
            off, spent = sigmas_off(kind, seed)
        except CalibrationError as error:
            refused[kind].append(str(error))
            continue
        found[kind].append(off)
        seconds[kind].append(spent)
    rows = [row_of(kind, found[kind], seconds[kind], len(refused[kind])) for kind in SPECIAL]
    every = [each for kind in SPECIAL for each in found[kind]]
    times = [each for kind in SPECIAL for each in seconds[kind]]
    rows.append(row_of("all", every, times, sum(map(len, refused.values()))))
    head = ("", "rigs", "within 95 %", "median rig", "rms sigmas", "median s", "most s", "refused")
    print_table(head, rows)
    for kind, reasons in refused.items():
        for reason in reasons:
            print(f"refused ({kind}): {reason}")


def row_of(kind: str, off: list[np.ndarray], seconds: list[float], refused: int) -> tuple:
    within = [float((np.abs(each) < 1.96).mean()) for each in off]
    every = np.concatenate(off)
    return (
        kind, len(off), f"{(np.abs(every) < 1.96).mean():.1%}", f"{np.median(within):.1%}",
        f"{np.sqrt((np.clip(every, -10, 10) ** 2).mean()):.2f}", f"{np.median(seconds):.2f}",
        f"{max(seconds):.2f}", refused,
    )  # fmt: skip


if __name__ == "__main__":
    main()
