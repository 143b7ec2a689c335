"""DANNCE against s-DANNCE on walks of two rats that touch: what each loss is worth.

    python benchmarks/demo_weights.py render OUT --recordings 8   (the walks, some minutes)
    python benchmarks/sdannce_against_dannce.py run OUT       (hours; goes on where it was stopped)
    python benchmarks/sdannce_against_dannce.py table

The errors of every run are kept in benchmarks/results/, so the table can be made without training,
and a run that is there is not made again.

Two walks with many touches are held out, six train. Of each number of labelled poses, and each
seed, one DANNCE network warms up; from its weights, DANNCE and the forms of s-DANNCE go on for as
many steps, each with the same number of labelled volumes a step (`larger_batch`: twice that).
Frames without labels come from the training walks; COMs are the true ones with an error of 3 mm
along each axis.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from machine import print_machine

from napari_sdannce.models import load_checkpoint
from napari_sdannce.models.devices import device_of, shared_cores
from napari_sdannce.models.poses import find_poses
from napari_sdannce.predictions import ComTrace
from napari_sdannce.settings import (
    DannceTrainSettings,
    ExperimentSettings,
    SdannceTrainSettings,
    VolumeSettings,
)
from napari_sdannce.settings.events import EpochDone, JobDone, Message
from napari_sdannce.training import Experiment, open_experiment, train_dannce
from napari_sdannce.training.batches import collate
from napari_sdannce.training.dannce_examples import read_examples
from napari_sdannce.training.volume_maker import VolumeMaker

TRAIN, TEST = (1, 2, 3, 4, 5, 7), (0, 6)
LABELS = (50, 250)
SEEDS = (0, 1, 2)
L1 = "L1Loss"
BONES = "BoneLengthLoss:0.5"
SAME = "ConsistencyLoss:0.1,copies_per_sample=2"
EQUAL = {"unlabelled": "equal", "batch_size": 8}
FORMS: dict[str, dict[str, Any]] = {
    "dannce": {},
    "sdannce": {"losses": [L1, BONES, SAME], **EQUAL},
    "no_bones": {"losses": [L1, SAME], **EQUAL},
    "no_consistency": {"losses": [L1, BONES], **EQUAL},
    "no_unlabelled": {"losses": [L1, BONES, SAME], "unlabelled": "none"},
    # two copies of each pose halve the poses a step; here there are as many as without copies
    "larger_batch": {"losses": [L1, BONES, SAME], "unlabelled": "equal", "batch_size": 16},
}
NEAR_MM = 120.0
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Run:
    form: str
    labels: int
    seed: int
    folder: Path

    @property
    def errors(self) -> Path:
        """Where its errors on the held-out walks are kept."""
        return RESULTS / self.folder.parent.name / f"{self.folder.name}.npz"

    @property
    def weights(self) -> Path:
        return self.folder / "checkpoints" / "last.safetensors"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("out", type=Path, nargs="?", default=Path())
    parser.add_argument("--warm-up", type=int, default=1000, help="steps")
    parser.add_argument("--steps", type=int, default=500, help="after the warm-up")
    parser.add_argument("--voxels", type=int, default=32)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--folder", default="against", help="of the results, inside OUT")
    parser.add_argument("--only", nargs="*", help="forms to run", default=list(FORMS))
    parser.add_argument("--against", help="form to compare with in the table", default="dannce")
    parser.add_argument("--seeds", nargs="*", type=int, default=list(SEEDS))
    parser.add_argument("--labels", nargs="*", type=int, default=list(LABELS))
    parser.add_argument("--set", nargs="*", default=[], help="name=value of s-DANNCE's settings")
    arguments = parser.parse_args()
    {"run": run, "table": table}[arguments.what](arguments)


def experiments(out: Path, labels: int) -> list[Experiment]:
    """Walks that train, with so many labelled poses spread over them, and COMs everywhere."""
    opened = []
    for number, walk in enumerate(TRAIN):
        whole = open_experiment(ExperimentSettings(folder=out / f"walk{walk}"), "dannce")
        trace = trace_of(whole)
        share = labels // 2 * (number + 1) // len(TRAIN) - labels // 2 * number // len(TRAIN)
        chosen = ((np.arange(share) + 0.5) * len(whole.labels) / share).astype(int)
        opened.append(Experiment.of(whole.recording, whole.labels.select_frames(chosen), trace))
    return opened


def trace_of(whole: Experiment) -> ComTrace:
    """True COMs with an error as that of a COM network, the same for every run."""
    rng = np.random.default_rng(whole.labels.sample_ids[:3])
    noisy = whole.coms + rng.normal(scale=3.0, size=whole.coms.shape)
    return ComTrace(noisy, np.ones(noisy.shape[:2]), whole.labels.sample_ids)


def settings_of(arguments: argparse.Namespace, one: Run, start: Path | None) -> DannceTrainSettings:
    values: dict[str, Any] = {
        "output": one.folder,
        "volume": VolumeSettings(size_mm=264, voxels=arguments.voxels, interpolation="linear"),
        "width": arguments.width,
        "steps": arguments.steps if start else arguments.warm_up,
        "batch_size": arguments.batch,
        "learning_rate": arguments.rate / 2 if start else arguments.rate,
        "com_jitter_mm": 12,
        "views": "all",
        "rotate": "quarters",
        "validation_frames": 0,
        "validate_every": 10**6,
        "seed": one.seed,
        "start_from": start,
    }
    form = FORMS.get(one.form, {})
    if not form:
        return DannceTrainSettings.model_validate(values)
    chosen = dict(each.split("=", 1) for each in arguments.set)
    return SdannceTrainSettings.model_validate({**values, **form, **chosen})


def run(arguments: argparse.Namespace) -> None:
    root = arguments.out / arguments.folder
    for labels in arguments.labels:
        own = experiments(arguments.out, labels)
        for seed in arguments.seeds:
            name = f"{labels}-seed{seed}"
            start = Run("warm_up", labels, seed, root / f"warm_up-{name}")
            forms = [Run(form, labels, seed, root / f"{form}-{name}") for form in arguments.only]
            left = [each for each in forms if not each.errors.exists()]
            if left:
                learn(arguments, start, own, None)
            for each in left:
                learn(arguments, each, own, start.weights)


def learn(
    arguments: argparse.Namespace, one: Run, own: list[Experiment], start: Path | None
) -> None:
    done = one.folder / "done"
    if done.exists() and one.errors.exists():
        return
    if one.folder.exists():
        clear(one.folder)
    for event in train_dannce(settings_of(arguments, one, start), own):
        if isinstance(event, Message | JobDone | EpochDone):
            print(one.folder.name, event.model_dump_json()[:300], flush=True)
    measure(arguments, one)
    done.touch()


def clear(folder: Path) -> None:
    """Remove a run that was cut off: so short a run begins again."""
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


def measure(arguments: argparse.Namespace, one: Run) -> None:
    """Errors of every keypoint on the held-out walks, at the noisy COMs."""
    read = load_checkpoint(one.weights)
    volume = read.info.volume
    assert volume is not None
    settings = DannceTrainSettings(volume=volume, views="all", com_jitter_mm=0)
    maker = VolumeMaker(settings, device_of(read.network), ())
    errors, apart, regular = [], [], []
    for walk in TEST:
        whole = open_experiment(ExperimentSettings(folder=arguments.out / f"walk{walk}"), "dannce")
        gaps = np.linalg.norm(whole.coms[:, 0] - whole.coms[:, 1], axis=-1)
        every_third = np.arange(len(gaps)) % 3 == 0
        chosen = every_third | (gaps < NEAR_MM)
        test = Experiment.of(whole.recording, whole.labels.select_frames(chosen), trace_of(whole))
        about = dict(
            zip(whole.labels.sample_ids.tolist(), zip(gaps, every_third, strict=True), strict=True)
        )
        examples = [each for each in read_examples(test, settings) if each is not None]
        with torch.inference_mode(), shared_cores(device_of(read.network)):
            for start in range(0, len(examples), 4):
                batch = collate([maker.plain(each) for each in examples[start : start + 4]])
                volumes = batch.volumes.to(device_of(read.network))
                found = find_poses(read.pose, volumes, volume.voxel_mm, batch.centres)
                away = found.positions.cpu() - batch.points
                errors.append(away.norm(dim=-1).numpy())
        of_moment = [about[each.moment[1]] for each in examples]
        apart += [gap for gap, _ in of_moment]
        regular += [is_regular for _, is_regular in of_moment]
    everything = np.concatenate(errors)
    keep(one.errors, everything, np.array(apart), np.array(regular))
    print(one.folder.name, f"{everything[regular].mean():.2f} mm", flush=True)


def keep(
    path: Path,
    errors: npt.NDArray[np.float32],
    apart: npt.NDArray[np.float64],
    regular: npt.NDArray[np.bool_],
) -> None:
    """Write errors (n, K) mm of poses, how far their animals are apart, which are every third."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = {"errors": errors.astype(np.float16), "apart": apart.astype(np.float16)}
    np.savez_compressed(path, **half, regular=regular)


def table(arguments: argparse.Namespace) -> None:
    root = RESULTS / arguments.folder
    print_machine("torch")
    print(
        "| labels | network | mean mm | PCK@5 | PCK@10 | near: mean mm "
        f"| less than {arguments.against} [95 %] |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for labels in arguments.labels:
        for form in ("warm_up", *arguments.only):
            row(root, labels, form, arguments)


def row(root: Path, labels: int, form: str, arguments: argparse.Namespace) -> None:
    seeds, against = arguments.seeds, arguments.against
    found = [load(root / f"{form}-{labels}-seed{seed}.npz") for seed in seeds]
    base = [load(root / f"{against}-{labels}-seed{seed}.npz") for seed in seeds]
    if any(each is None for each in found):
        return
    errors = np.concatenate([each["errors"][each["regular"]] for each in found])
    near = np.concatenate([each["errors"][each["apart"] < NEAR_MM].mean(axis=1) for each in found])
    cells = [
        f"{errors.mean():.2f}",
        f"{(errors < 5).mean():.1%}",
        f"{(errors < 10).mean():.1%}",
        f"{near.mean():.2f}",
    ]
    if all(each is not None for each in base) and form != against:
        others = [each["errors"][each["apart"] < NEAR_MM].mean(axis=1) for each in base]
        low, high, mean = bootstrap(near - np.concatenate(others), len(seeds))
        cells.append(f"{mean:+.2f} [{low:+.2f}, {high:+.2f}]")
    print("|", " | ".join([str(labels), form, *cells, *[""] * (5 - len(cells))]), "|")


def bootstrap(differences: np.ndarray, n_seeds: int) -> tuple[float, float, float]:
    """95 % interval of the mean of paired differences; poses are drawn anew for all seeds."""
    by_seed = differences.reshape(n_seeds, -1).mean(axis=0)
    rng = np.random.default_rng(0)
    means = by_seed[rng.integers(len(by_seed), size=(10_000, len(by_seed)))].mean(axis=1)
    return (
        float(np.percentile(means, 2.5)),
        float(np.percentile(means, 97.5)),
        float(by_seed.mean()),
    )


def load(path: Path) -> dict[str, Any] | None:
    """What `keep` wrote, in full precision; None where there is no such run."""
    if not path.exists():
        return None
    return {
        name: np.float64(each) if name != "regular" else each
        for name, each in np.load(path).items()
    }


if __name__ == "__main__":
    main()
