"""One job on a cluster; here of processes on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import cloudpickle
import numpy as np
import pytest

from napari_sdannce.inference import predict_com, predict_dannce
from napari_sdannce.inference.cluster import CLUSTERS, check_cluster, on_cluster, tasks_of
from napari_sdannce.models import CheckpointInfo, DannceConfig, build_network, save_checkpoint
from napari_sdannce.predictions import ComTrace, PoseStore
from napari_sdannce.settings import (
    ClusterJobSettings,
    ComPredictSettings,
    DanncePredictSettings,
    VolumeSettings,
)
from napari_sdannce.settings.events import JobDone, Message, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_sdannce.settings.events import Event

JOB = ClusterJobSettings(
    count=2,
    cores=6,
    memory="20GB",
    walltime="02:30:00",
    queue="gpu",
    account="lab",
    directives=("--gres=gpu:1",),
    setup=("module load cuda",),
    chunks=3,
)

REFUSED = """
from napari_sdannce.inference import cluster, predict_dannce
from napari_sdannce.settings import DanncePredictSettings

cluster._PATIENCE_S = 2
settings = DanncePredictSettings(checkpoint="net.safetensors", cluster="slurm")
try:
    list(cluster.on_cluster(predict_dannce, settings, "find keypoints", lambda: [range(10)]))
except ValueError as error:
    print(error)
"""


def test_chunks_in_a_row_are_a_task() -> None:
    chunks = [range(i, i + 10) for i in range(0, 100, 10)]
    assert tasks_of(chunks, 4) == [range(0, 40), range(40, 80), range(80, 100)]
    left = [chunks[i] for i in (0, 2, 3, 4, 5, 9)]
    assert tasks_of(left, 3) == [range(0, 10), range(20, 50), range(50, 60), range(90, 100)]
    assert tasks_of([], 3) == []


@pytest.mark.parametrize(
    ("kind", "command"), [("slurm", "sbatch"), ("pbs", "qsub"), ("sge", "qsub"), ("lsf", "bsub")]
)
def test_a_machine_without_the_queue_is_told_at_once(
    disc_scene, monkeypatch: pytest.MonkeyPatch, kind: str, command: str
) -> None:
    monkeypatch.setenv("PATH", "")
    for settings, predict in (
        (DanncePredictSettings(checkpoint="net.safetensors", cluster=kind), predict_dannce),
        (ComPredictSettings(checkpoint="net.safetensors", cluster=kind), predict_com),
    ):
        with pytest.raises(ValueError, match=f"cluster '{kind}' needs the command '{command}'"):
            next(predict(disc_scene.recording, settings))
    check_cluster(DanncePredictSettings(checkpoint="net.safetensors", cluster="local"))


@pytest.mark.skipif(os.name == "nt", reason="the command is a shell script")
def test_a_queue_that_takes_no_job_is_told(tmp_path: Path) -> None:
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\necho the queue is down >&2\nexit 1\n")
    sbatch.chmod(0o755)
    # a process of its own: the library leaves its cluster open
    ended = subprocess.run(
        [sys.executable, "-c", REFUSED],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.startswith("cluster 'slurm': no job could be had"), ended.stderr
    assert "the queue is down" in ended.stderr


def test_a_cluster_gives_what_one_process_gives(disc_scene, tmp_path: Path) -> None:
    config = DannceConfig(n_views=4, n_keypoints=4, width=2)
    info = CheckpointInfo(
        network=config, volume=VolumeSettings(voxels=8, size_mm=120), keypoints=tuple("abcd")
    )
    common = {
        "checkpoint": save_checkpoint(tmp_path / "weights", build_network(config, 0), info),
        "device": "cpu",
        "chunk": 4,
    }
    trace = ComTrace(disc_scene.com, np.ones(disc_scene.com.shape[:2]), np.arange(48))
    one = DanncePredictSettings(output=tmp_path / "one", **common)
    list(predict_dannce(disc_scene.recording, one, trace))
    several = DanncePredictSettings(
        output=tmp_path / "several", cluster="local", cluster_job=JOB, **common
    )
    assert several.own_device == "cpu"
    events = list(predict_dannce(disc_scene.recording, several, trace))
    assert isinstance(events[-1], JobDone)
    done = [event.done for event in events if isinstance(event, Progress)]
    assert done == sorted(done)
    assert len(done) == 4  # 12 chunks, 3 a task
    assert done[-1] == 48
    stores = [PoseStore.open(tmp_path / name / "poses.zarr") for name in ("one", "several")]
    np.testing.assert_array_equal(stores[0].read().positions, stores[1].read().positions)
    for name in ("save_data_AVG0.mat", "com3d_used.mat"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "several" / name).read_bytes()


@pytest.mark.parametrize(
    ("kind", "lines"),
    [
        ("slurm", ("#SBATCH -p gpu", "#SBATCH -A lab", "#SBATCH --cpus-per-task=6",
                   "#SBATCH -t 02:30:00", "#SBATCH --gres=gpu:1")),
        ("pbs", ("#PBS -q gpu", "#PBS -A lab", "#PBS -l walltime=02:30:00", "#PBS --gres=gpu:1")),
        ("sge", ("#$ -q gpu", "#$ -P lab", "#$ -l h_rt=02:30:00", "#$ --gres=gpu:1")),
        ("lsf", ("#BSUB -q gpu", '#BSUB -P "lab"', "#BSUB -n 6", "#BSUB --gres=gpu:1")),
    ],
)  # fmt: skip
def test_what_a_queue_is_asked_for(kind: str, lines: tuple[str, ...]) -> None:
    interrupted = signal.getsignal(signal.SIGINT)
    with CLUSTERS[kind](JOB) as cluster:
        script = cluster.job_script()
    assert signal.getsignal(signal.SIGINT) is interrupted  # the library's import changes it
    for line in (*lines, "module load cuda"):
        assert line in script.splitlines()
    # one task at a time, with all cores
    assert script.rindex("--nthreads 1") > script.rindex("--nthreads 6")


def test_one_way_to_share() -> None:
    for more in ({"devices": "cpu,cpu"}, {"workers": 2}):
        with pytest.raises(ValueError, match="one of them shares the work"):
            DanncePredictSettings(checkpoint="net.safetensors", cluster="local", **more)
    with pytest.raises(ValueError, match="memory"):
        ClusterJobSettings(memory="much")


def _die_once(folder: Path, settings: DanncePredictSettings, only: range) -> Iterator[Event]:
    """A task that writes its chunks, in a job that the queue ends while it does."""
    if only.start == 20 and not (folder / "died").exists():
        (folder / "died").touch()
        os._exit(9)
    for start in range(only.start, only.stop, 10):
        (folder / str(start)).touch()
        yield Message(text=f"wrote {start}")


def test_the_task_of_a_job_that_ends_is_handed_out_again(tmp_path: Path) -> None:
    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    settings = DanncePredictSettings(
        checkpoint="net.safetensors",
        cluster="local",
        cluster_job=ClusterJobSettings(count=2, chunks=2),
    )

    def missing() -> list[range]:
        starts = range(0, 60, 10)
        return [range(i, i + 10) for i in starts if not (tmp_path / str(i)).exists()]

    events = on_cluster(partial(_die_once, tmp_path), settings, "find keypoints", missing)
    said = list(events)
    assert (tmp_path / "died").exists()
    assert missing() == []
    wrote = sorted(event.text for event in said if isinstance(event, Message))
    assert wrote == sorted(f"wrote {i}" for i in range(0, 60, 10))
    assert [event.done for event in said if isinstance(event, Progress)][-1] == 60
