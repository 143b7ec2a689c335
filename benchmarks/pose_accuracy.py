"""How far predicted keypoints are from the truth, and how much their confidence is worth.

    python benchmarks/pose_accuracy.py EXPERIMENT POSES [--within 120]

EXPERIMENT is a rendered recording (truth.npz beside its videos), POSES a prediction of it, made
from frames that its network has not learned from. Errors are given of all poses and of those whose
animals are nearer to one another than `--within` mm. The expected calibration error is the mean gap
between confidence and the share of keypoints within 5 mm, over ten bins of as many keypoints each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from machine import print_machine
from timing import print_table

import napari_sdannce as sd
from napari_sdannce.models.reliability import WITHIN_MM, calibration_error

N_BINS = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("experiment", type=Path)
    parser.add_argument("poses", type=Path)
    parser.add_argument("--within", type=float, default=120.0)
    arguments = parser.parse_args()
    print_machine("torch")
    poses = sd.open_predictions(arguments.poses)
    with np.load(arguments.experiment / "truth.npz") as file:
        truth = file["keypoints"][poses.sample_ids]
    errors = matched(poses.positions, truth)
    coms = truth.mean(axis=2)
    near = np.linalg.norm(coms[:, 0] - coms[:, 1], axis=-1) < arguments.within
    groups = {
        "all": errors,
        f"animals within {arguments.within:g} mm": errors[near],
        "others": errors[~near],
    }
    print_table(
        ["poses", "count", "found", "mean mm", "median mm", "PCK@5", "PCK@10"],
        [row(name, each) for name, each in groups.items() if np.isfinite(each).any()],
    )
    known = np.isfinite(errors) & np.isfinite(poses.confidence)
    print_confidence(poses.confidence[known], errors[known] < WITHIN_MM)


def matched(
    found: npt.NDArray[np.float64], truth: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Errors (T, A, K) mm, animals in the order that fits the whole recording best."""
    orders = [range(found.shape[1]), range(found.shape[1] - 1, -1, -1)]
    errors = [np.linalg.norm(found[:, list(order)] - truth, axis=-1) for order in orders]
    return min(errors, key=lambda each: float(np.nanmean(each)))


def row(name: str, errors: npt.NDArray[np.float64]) -> list[object]:
    known = errors[np.isfinite(errors)]
    shares = [f"{(known < within).mean():.1%}" for within in (5, 10)]
    found = f"{len(known) / max(errors.size, 1):.1%}"
    return [name, len(errors), found, float(known.mean()), float(np.median(known)), *shares]


def print_confidence(sure: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> None:
    """Print what confidence promises and what was right, bin by bin."""
    bins = np.array_split(np.argsort(sure, kind="stable"), N_BINS)
    print_table(
        ["bin", "confidence", f"within {WITHIN_MM:g} mm"],
        [
            [str(i + 1), float(sure[each].mean()), float(right[each].mean())]
            for i, each in enumerate(bins)
        ],
    )
    print(f"expected calibration error {calibration_error(sure, right, N_BINS):.3f}")


if __name__ == "__main__":
    main()
