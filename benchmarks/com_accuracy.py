"""How well animals are found and told apart: one heatmap an animal against one of all.

    python benchmarks/demo_weights.py render WALKS --recordings 8
    python benchmarks/com_accuracy.py WALKS OUT [--steps 400] [--seeds 0]

Small networks learn on the first six walks of `demo_weights.py` and are tried on the last two, and
on a walk of the same two rats at a lab's frame rate (OUT/smooth): only there is motion slow enough
to link identities; then on one of two white rats (OUT/unmarked), which they never saw together.
What is in OUT already is not made again.
"""

from __future__ import annotations

import argparse
from itertools import permutations
from pathlib import Path

import numpy as np
from machine import print_machine

from napari_sdannce.files import open_recording
from napari_sdannce.inference import predict_com
from napari_sdannce.predictions import read_com_trace
from napari_sdannce.settings import (
    ComImageSettings,
    ComPredictSettings,
    ComTrainSettings,
    ExperimentSettings,
)
from napari_sdannce.settings.events import EpochDone, JobDone, Message
from napari_sdannce.synthetic.arena import Arena
from napari_sdannce.synthetic.coat import Coat
from napari_sdannce.synthetic.motion import rat_motion
from napari_sdannce.synthetic.scene import Scene, two_rats
from napari_sdannce.synthetic.write import write_recording
from napari_sdannce.training import train_com

N_TRAIN = 6
SMOOTH_FPS, SMOOTH_SEED = 25.0, 300
SMOOTH = {"smooth": (Coat.HOODED, Coat.ALBINO), "unmarked": (Coat.ALBINO, Coat.ALBINO)}
VARIANTS = {
    "identity": {"channels": "identity", "loss": "MSELoss"},
    "shared": {"channels": "shared", "loss": "MSELoss"},
    "identity, focal": {"channels": "identity", "loss": "FocalLoss"},
    "shared, focal": {"channels": "shared", "loss": "FocalLoss"},
    "identity, flip": {"channels": "identity", "loss": "MSELoss", "augment_flip": True},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("walks", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--smooth-frames", type=int, default=500)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    arguments = parser.parse_args()
    walks = sorted(arguments.walks.glob("walk*"))
    tests = {"walks": walks[N_TRAIN:]}
    for number, (name, coats) in enumerate(SMOOTH.items()):
        tests[name] = [arguments.out / name]
        render(arguments.out / name, arguments.smooth_frames, SMOOTH_SEED + number, coats)
    print_machine("torch", "numpy")
    print(HEADER)
    for variant in arguments.variants:
        for seed in arguments.seeds:
            run = arguments.out / f"{variant.replace(', ', '-')}-{arguments.steps}-{seed}"
            learn(run, walks[:N_TRAIN], variant, arguments.steps, seed)
            for name, folders in tests.items():
                report(run, folders, f"{variant}, seed {seed}, {name}")


def render(folder: Path, frames: int, seed: int, coats: tuple[Coat, ...]) -> None:
    """A walk that nobody saw, in front of the sample's cameras, at a lab's frame rate."""
    if folder.exists():
        return
    sample = two_rats(1)
    motion = rat_motion(frames, 2, fps=SMOOTH_FPS, seed=seed, ground=sample.arena.ground)
    scene = Scene(
        sample.cameras, motion, coats, Arena(seed=1), noise=sample.noise, seed=sample.seed
    )
    write_recording(folder, scene)


def learn(run: Path, walks: list[Path], variant: str, steps: int, seed: int) -> None:
    if (run / "checkpoints" / "last.safetensors").exists():
        return
    settings = ComTrainSettings(
        experiments=tuple(ExperimentSettings(folder=folder) for folder in walks),
        output=run,
        image=ComImageSettings(downsample=8),
        width=8,
        sigma_px=24,
        steps=steps,
        learning_rate=2e-3,
        batch_size=12,
        augment_turn_deg=5,
        augment_scale=0.05,
        augment_shift=0.05,
        seed=seed,
        device="cpu",
        **VARIANTS[variant],
    )
    for event in train_com(settings):
        if isinstance(event, EpochDone):
            print(event.epoch, {n: round(v, 4) for n, v in event.metrics.items()}, flush=True)
        elif isinstance(event, JobDone):
            print(f"{run.name}: {event.seconds:.0f} s", flush=True)


HEADER = (
    f"{'':40} {'mean':>6} {'median':>6} {'95 %':>6}  {'found':>6} {'whose':>6} "
    f"{'changes':>7} {'flagged':>7}"
)


def report(run: Path, folders: list[Path], name: str) -> None:
    """Errors in mm of those found; share found; share who is who; how often that changes."""
    errors, whose, found, changes, flagged = [], [], [], 0, 0
    for folder in folders:
        output = run / folder.name
        settings = ComPredictSettings(
            checkpoint=run / "checkpoints" / "last.safetensors", output=output, device="cpu"
        )
        for event in predict_com(open_recording(folder), settings):
            if isinstance(event, Message) and event.level == "warning":
                print(event.text)
        trace = read_com_trace(output)
        truth = np.load(folder / "truth.npz")["com"]
        own, best, order = compare(trace.positions, truth)
        errors.append(best)
        whose.append(own)
        found.append(np.isfinite(best).ravel())
        changes += int((np.diff(order[order >= 0]) != 0).sum())
        flagged += len((output / "com_review.csv").read_text().splitlines()) - 1
    of_found = np.concatenate([each[np.isfinite(each)] for each in errors])
    print(
        f"{name:40} {of_found.mean():6.1f} {np.median(of_found):6.1f} "
        f"{np.percentile(of_found, 95):6.1f} {100 * np.concatenate(found).mean():5.1f} % "
        f"{100 * np.mean(np.concatenate(whose)):4.1f} % {changes:7d} {flagged:7d}",
        flush=True,
    )


def compare(positions: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Whether animals are who they were on the whole, errors (T, A) mm, and who is who (T,).

    The names of a shared heatmap are arbitrary, so the order that fits most moments is the right
    one; the errors are those of each moment's best order.
    """
    orders = [list(order) for order in permutations(range(truth.shape[1]))]
    away = np.stack(
        [np.linalg.norm(positions[:, order] - truth, axis=-1) for order in orders]
    )  # (orders, T, A)
    cost = np.where(np.isfinite(away), np.minimum(away, 300), 300).sum(axis=-1)
    best = cost.argmin(axis=0)
    whole = np.isfinite(positions).all(axis=(1, 2))
    order = np.where(whole, best, -1)
    usual = np.bincount(best[whole], minlength=len(orders)).argmax()
    return best[whole] == usual, away[best, np.arange(len(truth))], order


if __name__ == "__main__":
    main()
