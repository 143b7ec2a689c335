"""How long it takes to find the moments that are worth labelling, and how much memory.

    python benchmarks/suggestions.py [--moments 100000] [--wanted 50] [--labelled 100]

Two animals of 23 keypoints walk about; one prediction in a hundred is spoilt.
"""

from __future__ import annotations

import argparse
import resource
import time

import numpy as np
from machine import print_machine

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.journal import Author
from napari_sdannce.labeling.session import LabelingSession, Subject
from napari_sdannce.labeling.suggestions import suggest, suggest_evenly
from napari_sdannce.poses import Poses
from napari_sdannce.recording import Sync
from napari_sdannce.skeletons import load_skeleton
from napari_sdannce.synthetic import camera_ring

ANIMALS = ("rat1", "rat2")
SKELETON = load_skeleton("rat23")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=100_000)
    parser.add_argument("--wanted", type=int, default=50)
    parser.add_argument("--labelled", type=int, default=100)
    arguments = parser.parse_args()
    print_machine()
    session, poses, covariance = made(arguments.moments, arguments.labelled)
    before = peak_mib()
    start = time.perf_counter()
    evenly = suggest_evenly(session, arguments.wanted)
    middle = time.perf_counter()
    found = suggest(session, arguments.wanted, poses, covariance)
    end = time.perf_counter()
    print(f"evenly: {len(evenly)} in {middle - start:.2f} s")
    print(f"with predictions: {len(found)} in {end - middle:.2f} s")
    size = poses.positions.nbytes / 2**20
    print(f"positions {size:.0f} MiB, peak +{peak_mib() - before:.0f} MiB")
    for each in found[:5]:
        print(f"  {each.sample_id} ({each.score:.2f}): {'; '.join(each.reasons)}")


def made(n_moments: int, n_labelled: int) -> tuple[LabelingSession, Poses, np.ndarray]:
    """A session with some labels, and predictions with their covariance."""
    rng = np.random.default_rng(0)
    shape = (n_moments, len(ANIMALS), len(SKELETON.keypoints))
    body = rng.uniform(-40, 40, (*shape[1:], 3))
    sway = rng.normal(0, 4, (5, *shape[1:], 3))
    time_s = np.arange(n_moments) / 50
    waves = np.sin(time_s[:, None] * rng.uniform(0.1, 3, 5))
    positions = body + np.einsum("tw,wakx->takx", waves, sway)
    positions[:, 1] += [150, 0, 0]
    positions += rng.normal(0, 0.4, positions.shape)
    spoilt = rng.random(shape) < 0.01 / shape[2]
    positions[spoilt] += rng.normal(0, 20, (int(spoilt.sum()), 3))
    confidence = np.clip(rng.normal(0.8, 0.05, shape), 0, 1)
    confidence[spoilt] *= 0.2
    covariance = np.zeros((*shape, 6), np.float32)
    covariance[..., [0, 3, 5]] = rng.uniform(2, 5, (*shape, 3))
    ids = np.arange(n_moments)
    poses = Poses(positions, confidence, ids, ANIMALS, SKELETON.keypoints, fps=50)
    return labelled(positions, n_labelled), poses, covariance


def labelled(positions: np.ndarray, n: int) -> LabelingSession:
    cameras = tuple(camera_ring(6, image_size=(1152, 1024)))
    names = tuple(camera.name for camera in cameras)
    subject = Subject(names, cameras, SKELETON, ANIMALS, Sync.identity(len(positions), 6))
    session = LabelingSession(subject, Author(name="anna", session="anna"))
    for moment in np.linspace(0, len(positions) - 1, n).astype(int).tolist():
        labels = session.at(moment)
        pixels = np.stack([camera.project(positions[moment]) for camera in cameras])
        proposed = commands.propose(labels, pixels, session.by)
        session.change("label", {moment: proposed})
        accepted = commands.accept(proposed, session.solution(moment))
        session.change("accept", {moment: accepted})
    return session


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
