"""``sdannce predict`` killed at random instants, and run to the end."""

from __future__ import annotations

import json
import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.models import (
    CheckpointInfo,
    ComConfig,
    DannceConfig,
    build_network,
    save_checkpoint,
)
from napari_sdannce.predictions import ComStore, PoseStore
from napari_sdannce.settings import ComImageSettings, VolumeSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess
    from pathlib import Path
    from typing import TextIO

    from napari_sdannce.predictions.job_store import JobStore

pytestmark = pytest.mark.skipif(
    "forkserver" not in get_all_start_methods(), reason="a dozen slow starts where none can fork"
)

# `sdannce` with a pipe for its output
COMMAND = """
import os, sys
from napari_sdannce.cli import main

sys.stdout = os.fdopen(said.fileno(), "w", closefd=False)
main(arguments)
"""


@dataclass(frozen=True)
class Command:
    """A running ``sdannce``, and the lines of JSON that it prints."""

    process: BaseProcess
    lines: TextIO

    @classmethod
    @contextmanager
    def running(cls, arguments: list[str]) -> Iterator[Command]:
        context = get_context("forkserver")
        context.set_forkserver_preload(["napari_sdannce.cli", "napari_sdannce.inference"])
        receiver, sender = context.Pipe(duplex=False)
        names = {"arguments": arguments, "said": sender}
        process = context.Process(target=exec, args=(COMMAND, names))
        with receiver, sender:
            process.start()
            sender.close()
            with os.fdopen(receiver.fileno(), closefd=False) as lines:
                yield cls(process, lines)
        process.join()

    def kill_after(self, lines: int, seconds: float) -> None:
        """Kill it so long after its n-th line."""
        for _ in range(lines):
            self.lines.readline()
        instant = perf_counter() + seconds
        while perf_counter() < instant:  # a sleep would be coarser than the writes are
            pass
        self.process.kill()


@dataclass(frozen=True)
class Jobs:
    """Commands that predict the whole scene, in chunks of four."""

    source: str
    com_weights: str
    weights: str

    def com(self, output: Path) -> list[str]:
        return self._job("com", self.com_weights, output, "--min-peak", "-9")

    def dannce(self, output: Path) -> list[str]:
        com = output.parent / "com"
        return self._job("dannce", self.weights, output, "--com", str(com))

    def _job(self, kind: str, weights: str, output: Path, *more: str) -> list[str]:
        common = ["--device", "cpu", "--progress", "json", "--chunk", "4", "--batch-size", "1"]
        return ["predict", kind, self.source, "--checkpoint", weights, "--output", str(output),
                *common, *more]  # fmt: skip


@pytest.fixture
def jobs(disc_scene, tmp_path: Path) -> Jobs:
    com, dannce = ComConfig(n_animals=2, width=2), DannceConfig(n_views=4, n_keypoints=4, width=2)
    of_com = CheckpointInfo(network=com, image=ComImageSettings(downsample=4))
    of_dannce = CheckpointInfo(
        network=dannce, volume=VolumeSettings(voxels=8, size_mm=120), keypoints=tuple("abcd")
    )
    return Jobs(
        str(disc_scene.folder),
        str(save_checkpoint(tmp_path / "weights/com", build_network(com, 0), of_com)),
        str(save_checkpoint(tmp_path / "weights/dannce", build_network(dannce, 0), of_dannce)),
    )


def run_to_the_end(arguments: list[str]) -> list[dict[str, object]]:
    with Command.running(arguments) as command:
        events = [json.loads(line) for line in command.lines]
    assert command.process.exitcode == 0
    return events


def kill_often(arguments: list[str], times: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(times):
        with Command.running(arguments) as command:
            command.kill_after(int(rng.integers(0, 7)), rng.uniform(0, 0.02))
        assert command.process.exitcode == -signal.SIGKILL


def results(folder: Path) -> dict[str, bytes]:
    """Arrays and files; not drafts, which begin with a dot."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def written(store: JobStore) -> dict[Path, int]:
    """When each file of the chunks that are done was written."""
    done = [i for i in range(len(store) // 4) if (store.path / f"done/c/{i}").exists()]
    paths = [path for i in done for path in store.path.glob(f"[pdrc]*/c/{i}")]
    files = [file for path in paths for file in [path, *path.rglob("*")] if file.is_file()]
    return {file: file.stat().st_mtime_ns for file in files}


def test_a_killed_pose_prediction_goes_on(jobs: Jobs, tmp_path: Path) -> None:
    run_to_the_end(jobs.com(tmp_path / "com"))
    run_to_the_end(jobs.dannce(tmp_path / "whole"))
    kill_often(jobs.dannce(tmp_path / "killed"), 10, seed=3)
    store = PoseStore.open(tmp_path / "killed/poses.zarr")
    missing, before = store.missing_chunks(), written(store)
    assert 0 < len(missing) < 12
    events = run_to_the_end(jobs.dannce(tmp_path / "killed"))
    assert [e["total"] for e in events if e["event"] == "progress"][-1] == 4 * len(missing)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert results(tmp_path / "killed") == results(tmp_path / "whole")


def test_a_killed_com_prediction_goes_on(jobs: Jobs, tmp_path: Path) -> None:
    run_to_the_end(jobs.com(tmp_path / "whole"))
    kill_often(jobs.com(tmp_path / "killed"), 4, seed=5)
    missing = ComStore.open(tmp_path / "killed/com.zarr").missing_chunks()
    assert 0 < len(missing) < 12
    run_to_the_end(jobs.com(tmp_path / "killed"))
    assert results(tmp_path / "killed") == results(tmp_path / "whole")
