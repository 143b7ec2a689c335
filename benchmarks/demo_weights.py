"""Make the small weights that come with the program: COM and DANNCE for the two-rat sample.

    python benchmarks/demo_weights.py render OUT [--recordings 13] [--frames 150] [--first 0]
    python benchmarks/demo_weights.py com OUT
    python benchmarks/demo_weights.py dannce OUT
    python benchmarks/demo_weights.py pack OUT sample_data/weights

The networks learn on other walks of the same two rats in front of the same cameras (a lab's case:
it labels frames of its own rig), never on the sample's motion. The pose network's last walk is not
learned from: what it shows decides which weights are best, and how sure they may be of new
recordings. `pack` writes half-precision copies.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from napari_sdannce.models import load_checkpoint, save_checkpoint
from napari_sdannce.settings.base import ExperimentSettings
from napari_sdannce.settings.com import ComImageSettings, ComTrainSettings
from napari_sdannce.settings.dannce import DannceTrainSettings
from napari_sdannce.settings.events import EpochDone, JobDone, Message
from napari_sdannce.settings.volume import VolumeSettings
from napari_sdannce.synthetic.arena import Arena
from napari_sdannce.synthetic.motion import rat_motion
from napari_sdannce.synthetic.scene import Scene, two_rats
from napari_sdannce.synthetic.write import write_recording
from napari_sdannce.training import train_com, train_dannce

FPS = 4.0
FIRST_SEED = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["render", "com", "dannce", "pack"])
    parser.add_argument("out", type=Path)
    parser.add_argument("target", type=Path, nargs="?")
    parser.add_argument("--recordings", type=int, default=13)
    parser.add_argument("--first", type=int, default=0, help="another number, another walk")
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--com-steps", type=int, default=1500)
    parser.add_argument("--steps", type=int, default=24000)
    arguments = parser.parse_args()
    {"render": render, "com": learn_com, "dannce": learn_dannce, "pack": pack}[arguments.what](
        arguments
    )


def render(arguments: argparse.Namespace) -> None:
    """Sparse in time, so that every frame adds another pose."""
    sample = two_rats(1)
    for number in range(arguments.first, arguments.first + arguments.recordings):
        folder = arguments.out / f"walk{number}"
        if folder.exists():
            continue
        motion = rat_motion(
            arguments.frames, 2, fps=FPS, seed=FIRST_SEED + number, ground=sample.arena.ground
        )
        scene = Scene(
            sample.cameras,
            motion,
            sample.coats,
            Arena(seed=1),
            noise=sample.noise,
            seed=sample.seed,
        )
        write_recording(folder, scene, n_labels=arguments.frames)
        print(folder, flush=True)


def experiments(out: Path) -> tuple[ExperimentSettings, ...]:
    folders = sorted(out.glob("walk*"), key=lambda folder: int(folder.name.removeprefix("walk")))
    return tuple(ExperimentSettings(folder=folder) for folder in folders)


def learn_com(arguments: argparse.Namespace) -> None:
    settings = ComTrainSettings(
        experiments=experiments(arguments.out),
        output=arguments.out / "com",
        image=ComImageSettings(downsample=8),
        width=8,
        sigma_px=24,
        steps=arguments.com_steps,
        learning_rate=2e-3,
        batch_size=12,
        augment_turn_deg=5,
        augment_scale=0.05,
        augment_shift=0.05,
    )
    for event in train_com(settings):
        show(event)


def learn_dannce(arguments: argparse.Namespace) -> None:
    walks = experiments(arguments.out)
    settings = DannceTrainSettings(
        experiments=walks,
        output=arguments.out / "dannce",
        volume=VolumeSettings(size_mm=264, voxels=32, interpolation="linear"),
        width=8,
        steps=arguments.steps,
        learning_rate=2e-3,
        com_jitter_mm=12,
        # the cameras stand still: nothing is gained by turning the world or mixing the views
        views="all",
        rotate="none",
        validation_experiments=(len(walks) - 1,),
        validation_frames=60,
        average=0.999,
        validate_every=2,
    )
    for event in train_dannce(settings):
        show(event)


def pack(arguments: argparse.Namespace) -> None:
    """Half precision halves the files; they are read back as single precision."""
    for name in ("com", "dannce"):
        if not (arguments.out / name).exists():
            continue  # that one stays as it is
        trained = load_checkpoint(arguments.out / name / "checkpoints" / "best.safetensors")
        path = arguments.target / f"{name}_two_rats.safetensors"
        print(save_checkpoint(path, trained.network.half(), trained.info), flush=True)


def show(event: object) -> None:
    if isinstance(event, Message):
        print(event.text, flush=True)
    elif isinstance(event, EpochDone):
        metrics = {name: round(value, 4) for name, value in event.metrics.items()}
        print(event.epoch, event.total, metrics, flush=True)
    elif isinstance(event, JobDone):
        print(f"{event.seconds:.0f} s", *event.outputs, flush=True)


if __name__ == "__main__":
    main()
