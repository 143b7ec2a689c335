from __future__ import annotations

import contextlib
import signal
import tracemalloc
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.predictions import Job, PoseChunk, PoseStore, Reason

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess
    from pathlib import Path

JOB = Job(
    animals=("left", "right"),
    keypoints=("nose", "back", "tail"),
    cameras=("A", "B"),
    fps=50.0,
    settings={"volume": {"size_mm": 240.0, "voxels": 80}},
    weights="abc",
)

# What a worker process does: fill the missing chunks `first`, `first + step`, ... and say so.
WORKER = """
import numpy as np
from napari_sdannce.predictions import Job, PoseChunk, PoseStore

job = Job(animals=("one",), keypoints=tuple("abcdefgh"), settings={"seed": 3})
store = PoseStore.open_or_create(path, np.arange(n), job, chunk=chunk, extras=["initial"])
for moments in store.missing_chunks():
    if moments.start // chunk % step != first:
        continue
    rng = np.random.default_rng(moments.start)
    size = (len(moments), 1, 8)
    store.write(
        moments.start,
        PoseChunk(
            rng.normal(size=(*size, 3)), rng.random(size), rng.normal(size=(len(moments), 1, 3)),
            initial=rng.normal(size=(*size, 3)),
        ),
    )
    said.send(moments.start)
"""

PROCESSES = get_context("forkserver" if "forkserver" in get_all_start_methods() else "spawn")


@dataclass
class Worker:
    """A process that fills a store; `said` receives the start of every chunk it wrote."""

    process: BaseProcess
    said: Connection

    @classmethod
    def start(cls, path: Path, n: int, chunk: int, first: int = 0, step: int = 1) -> Worker:
        if PROCESSES.get_start_method() == "forkserver":
            PROCESSES.set_forkserver_preload(["pytest", "zarr", "napari_sdannce.predictions"])
        receiver, sender = PROCESSES.Pipe(duplex=False)
        names = {"path": path, "n": n, "chunk": chunk, "first": first, "step": step, "said": sender}
        process = PROCESSES.Process(target=exec, args=(WORKER, names))
        process.start()
        sender.close()
        return cls(process, receiver)

    def wait_for(self, chunks: int) -> None:
        """Wait until it wrote that many chunks, or ended."""
        with contextlib.suppress(EOFError):
            for _ in range(chunks):
                self.said.recv()

    def end(self) -> int | None:
        """Exit code of the ended process."""
        self.process.join()
        self.said.close()
        return self.process.exitcode


def some_poses(rng: np.random.Generator, n: int, job: Job = JOB) -> PoseChunk:
    shape = (n, len(job.animals), len(job.keypoints))
    return PoseChunk(
        positions=rng.normal(size=(*shape, 3)).astype(np.float32),
        confidence=rng.random(shape).astype(np.float32),
        com=rng.normal(size=(*shape[:2], 3)),
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ids = np.arange(10) * 10 + 1
    store = PoseStore.create(tmp_path / "poses", ids, JOB, chunk=4)
    written = [some_poses(rng, len(moments)) for moments in store.missing_chunks()]
    for moments, chunk in zip(store.missing_chunks(), written, strict=True):
        store.write(moments.start, chunk)
    poses = PoseStore.open(tmp_path / "poses").poses()
    np.testing.assert_array_equal(poses.positions, np.concatenate([c.positions for c in written]))
    np.testing.assert_array_equal(poses.confidence, np.concatenate([c.confidence for c in written]))
    np.testing.assert_array_equal(poses.sample_ids, ids)
    assert (poses.animals, poses.keypoints, poses.fps) == (JOB.animals, JOB.keypoints, 50.0)
    com = PoseStore.open(tmp_path / "poses").read(range(3, 9)).com
    np.testing.assert_array_equal(com, np.concatenate([c.com for c in written])[3:9])


def test_what_is_not_done_is_nan(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(10), JOB, chunk=4)
    store.write(4, some_poses(np.random.default_rng(0), 4))
    positions = store.poses().positions
    assert np.isfinite(positions[4:8]).all()
    assert np.isnan(positions[:4]).all()
    assert np.isnan(positions[8:]).all()
    assert store.missing_chunks() == (range(0, 4), range(8, 10))


def test_data_without_a_marker_do_not_count(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(8), JOB, chunk=4)
    store.write(0, some_poses(np.random.default_rng(0), 4))
    (tmp_path / "poses" / "done" / "c" / "0").unlink()
    assert np.isnan(store.poses().positions).all()
    assert np.isnan(store.read(range(0, 4)).com).all()
    assert store.missing_chunks() == (range(0, 4), range(4, 8))


def test_reasons_and_extras(tmp_path: Path) -> None:
    store = PoseStore.create(
        tmp_path / "poses", np.arange(3), JOB, extras=("initial", "heatmap_max")
    )
    poses = some_poses(np.random.default_rng(0), 3)
    reasons = np.array([[0, 1], [2, 3], [4, 0]], dtype=np.uint8)
    store.write(
        0,
        PoseChunk(
            poses.positions,
            poses.confidence,
            poses.com,
            reasons=reasons,
            initial=poses.positions + 1,
            heatmap_max=poses.confidence * 9,
        ),
    )
    read = store.read()
    assert read.reasons is not None
    assert Reason(int(read.reasons[0, 1])) is Reason.NO_COM
    np.testing.assert_array_equal(read.reasons, reasons)
    np.testing.assert_array_equal(read.initial, poses.positions + 1)
    np.testing.assert_array_equal(read.heatmap_max, poses.confidence * 9)


def test_plain_zarr_reads_it(tmp_path: Path) -> None:
    import zarr

    store = PoseStore.create(tmp_path / "poses", np.arange(6), JOB, chunk=4)
    chunk = some_poses(np.random.default_rng(0), 4)
    store.write(0, chunk)
    group = zarr.open_group(tmp_path / "poses", mode="r")
    np.testing.assert_array_equal(group["positions"][:4], chunk.positions)
    assert list(group["done"][:]) == [1, 0]
    assert group.attrs["napari_sdannce"]["job"]["keypoints"] == ["nose", "back", "tail"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"animals": ("left",)}, "animals is ('left', 'right') there, ('left',) here"),
        ({"keypoints": ("nose", "tail", "back")}, "keypoints"),
        ({"weights": "other"}, "it was predicted by another network; choose another folder"),
        (
            {"weights": "other", "settings": {"reliability": [0.1, 0.2]}},
            "it was predicted by another network",
        ),
        (
            {"settings": {"volume": {"size_mm": 240.0, "voxels": 64}}},
            "settings.volume.voxels is 80 there, 64 here",
        ),
    ],
)
def test_another_job_is_refused(tmp_path: Path, change: dict[str, object], words: str) -> None:
    PoseStore.create(tmp_path / "poses", np.arange(6), JOB)
    with pytest.raises(ValueError, match="another job") as error:
        PoseStore.open_or_create(tmp_path / "poses", np.arange(6), JOB.model_copy(update=change))
    assert words in str(error.value)
    assert str(tmp_path / "poses") in str(error.value)


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        (np.arange(7), "for 6 moments, not 7"),
        (np.array([0, 1, 2, 30, 4, 5]), "sample id 3 at place 3, not 30"),
    ],
)
def test_other_moments_are_refused(
    tmp_path: Path, ids: np.ndarray[tuple[int], np.dtype[np.int64]], words: str
) -> None:
    PoseStore.create(tmp_path / "poses", np.arange(6), JOB)
    with pytest.raises(ValueError, match=words):
        PoseStore.open_or_create(tmp_path / "poses", ids, JOB)


def test_the_same_job_elsewhere_is_resumed(tmp_path: Path) -> None:
    store = PoseStore.open_or_create(tmp_path / "poses", np.arange(6), JOB, chunk=2)
    store.write(2, some_poses(np.random.default_rng(0), 2))
    (tmp_path / "poses").rename(tmp_path / "moved")
    elsewhere = JOB.model_copy(update={"recording": "renamed", "software": "9.9"})
    again = PoseStore.open_or_create(tmp_path / "moved", np.arange(6), elsewhere, chunk=500)
    assert again.missing_chunks() == (range(0, 2), range(4, 6))


def test_only_whole_chunks_are_taken(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(10), JOB, chunk=4)
    rng = np.random.default_rng(0)
    for start, n, words in [(1, 4, "no chunk starts"), (0, 3, "shape"), (12, 4, "no chunk starts")]:
        with pytest.raises(ValueError, match=words):
            store.write(start, some_poses(rng, n))
    poses = some_poses(rng, 4)
    surplus = PoseChunk(poses.positions, poses.confidence, poses.com, initial=poses.positions)
    with pytest.raises(ValueError, match="without"):
        store.write(0, surplus)
    assert len(store.missing_chunks()) == 3
    assert np.isnan(store.poses().positions).all()


def test_finish_wants_all_chunks(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(10), JOB, chunk=5)
    leftover = tmp_path / "poses" / "positions" / "c" / "0" / "0.abc.partial"
    leftover.parent.mkdir(parents=True)
    leftover.touch()
    rng = np.random.default_rng(0)
    store.write(0, some_poses(rng, 5))
    with pytest.raises(ValueError, match="1 of 2 chunks are missing"):
        store.finish()
    assert leftover.exists()
    store.write(5, some_poses(rng, 5))
    store.finish()
    assert not leftover.exists()


def test_a_chunk_that_was_lost_is_an_error_until_it_is_written_anew(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(10), JOB, chunk=5)
    rng = np.random.default_rng(0)
    poses = [some_poses(rng, 5), some_poses(rng, 5)]
    for start, each in zip((0, 5), poses, strict=True):
        store.write(start, each)
    (tmp_path / "poses" / "positions" / "c" / "1" / "0" / "0" / "0").unlink()
    assert np.isfinite(store.poses(range(5)).positions).any()
    with pytest.raises(FileFormatError, match="array 'positions' is damaged: chunk 1 is missing"):
        store.poses()
    again = PoseStore.open_or_create(tmp_path / "poses", np.arange(10), JOB)
    assert again.missing_chunks() == (range(5, 10),)
    again.write(5, poses[1])
    np.testing.assert_array_equal(again.poses().positions[5:], poses[1].positions)


def test_what_is_known_of_files_beside_ends_with_the_chunk(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(5), JOB)
    rng, asked = np.random.default_rng(0), []
    note = tmp_path / "poses" / "done" / "twins.json"

    def beside() -> int:
        store.write_beside([], lambda folder: asked.append(folder))
        return len(asked)

    store.write(0, some_poses(rng, 5))
    assert [beside(), beside()] == [1, 1]
    store.write(0, some_poses(rng, 5))
    assert [beside(), beside()] == [2, 2]
    for count, damage in enumerate((b"", b"[1, 2]", b"{}"), start=3):
        note.write_bytes(damage)
        assert [beside(), beside()] == [count, count]


def test_markers_under_other_names_do_not_count(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(10), JOB, chunk=5)
    for name in ("01", "1.partial", "x", "٠"):
        (tmp_path / "poses" / "done" / "c" / name).touch()
    assert len(store.missing_chunks()) == 2


def test_files_beside_are_written_once(tmp_path: Path) -> None:
    store = PoseStore.create(tmp_path / "poses", np.arange(5), JOB)
    names = ["save_data_AVG0.mat", "com3d_used.mat"]
    asked: list[int] = []

    def write(folder: Path) -> None:
        asked.append(len(asked))
        store.write_mat(folder, overwrite=True)

    with pytest.raises(ValueError, match="1 of 1 chunks are missing"):
        store.write_beside(names, write)
    store.write(0, some_poses(np.random.default_rng(0), 5))
    assert store.write_beside([], lambda folder: None) == ()
    assert asked == []
    # they were not wanted before
    files = store.write_beside(names, write)
    assert [path.name for path in files] == names
    assert PoseStore.open(tmp_path / "poses").write_beside(names, write) == files
    assert store.write_beside([], write) == ()
    assert asked == [0]
    # what was lost is written again
    content = files[0].read_bytes()
    files[0].unlink()
    assert store.write_beside(names, write) == files
    assert files[0].read_bytes() == content


def test_a_twin_beyond_the_format_is_left_out(tmp_path: Path) -> None:
    many = Job(animals=("one",), keypoints=tuple(map(str, range(2000))))
    store = PoseStore.create(tmp_path / "poses", np.arange(50_000), many)
    assert {twin.name: twin.fits for twin in store.twins()} == {
        "save_data_AVG0.mat": False,
        "com3d_used.mat": True,
    }
    assert [path.name for path in store.write_mat(tmp_path)] == ["com3d_used.mat"]
    with pytest.raises(ValueError, match=r"'pred' takes 24000000.. bytes, the limit is 2 GiB"):
        store.twins()[0].write(tmp_path)
    assert not (tmp_path / "save_data_AVG0.mat").exists()


def test_same_writes_same_bytes(tmp_path: Path) -> None:
    for name in "ab":
        store = PoseStore.create(tmp_path / name, np.arange(500), JOB)
        rng = np.random.default_rng(7)
        for moments in store.missing_chunks():
            store.write(moments.start, some_poses(rng, len(moments)))
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_killed_at_any_instant_the_result_is_the_same(tmp_path: Path) -> None:
    n, chunk = 160, 2
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert Worker.start(whole, n, chunk).end() == 0
    rng = np.random.default_rng(1)
    killed = 0
    for _ in range(12):
        worker = Worker.start(broken, n, chunk)
        worker.wait_for(int(rng.integers(0, 5)))
        instant = perf_counter() + rng.uniform(0, 0.01)
        while perf_counter() < instant:  # a sleep would be no finer than the writes are
            pass
        worker.process.kill()
        killed += worker.end() == -signal.SIGKILL if hasattr(signal, "SIGKILL") else 1
    assert killed == 12
    assert PoseStore.open(broken).missing_chunks()
    assert Worker.start(broken, n, chunk).end() == 0
    PoseStore.open(broken).finish()
    assert files_of(broken) == files_of(whole)


def test_killed_while_it_is_made_no_store_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.rename", die)
        with pytest.raises(KeyboardInterrupt):
            PoseStore.create(tmp_path / "poses", np.arange(3), JOB)
    assert list(tmp_path.iterdir()) == []
    assert len(PoseStore.open_or_create(tmp_path / "poses", np.arange(3), JOB)) == 3


def test_several_processes_fill_one_store(tmp_path: Path) -> None:
    n, chunk = 90, 3
    assert Worker.start(tmp_path / "one", n, chunk).end() == 0
    several = [Worker.start(tmp_path / "several", n, chunk, first, 2) for first in range(2)]
    several.append(Worker.start(tmp_path / "several", n, chunk))  # overlaps with both
    assert [worker.end() for worker in several] == [0, 0, 0]
    store = PoseStore.open(tmp_path / "several")
    assert store.missing_chunks() == ()
    store.finish()
    assert files_of(tmp_path / "several") == files_of(tmp_path / "one")


def test_a_million_moments(tmp_path: Path) -> None:
    n = 1_000_000
    ids = np.arange(n)
    PoseStore.create(tmp_path / "poses", ids, JOB)
    assert len(files_of(tmp_path / "poses")) < 30
    tracemalloc.start()
    store = PoseStore.open(tmp_path / "poses")
    missing = store.missing_chunks()
    last = missing[-1]
    store.write(last.start, some_poses(np.random.default_rng(0), len(last)))
    poses = store.poses(range(n - 100, n))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(missing) == 1000
    assert poses.sample_ids[-1] == n - 1
    assert np.isfinite(poses.positions).all()
    assert peak < 5_000_000
    assert len(files_of(tmp_path / "poses")) < 40


@pytest.mark.parametrize("ids", [np.array([1, 2, 1]), np.zeros(0, dtype=int), np.zeros((2, 2))])
def test_moments_must_be_keys(
    tmp_path: Path, ids: np.ndarray[tuple[int, ...], np.dtype[np.int64]]
) -> None:
    with pytest.raises(ValueError, match="sample ids"):
        PoseStore.create(tmp_path / "poses", ids, JOB)
    assert list(tmp_path.iterdir()) == []


def test_create_replaces_nothing(tmp_path: Path) -> None:
    PoseStore.create(tmp_path / "poses", np.arange(3), JOB)
    before = files_of(tmp_path)
    with pytest.raises(FileExistsError):
        PoseStore.create(tmp_path / "poses", np.arange(3), JOB)
    assert files_of(tmp_path) == before


def test_damage_is_one_kind_of_error(tmp_path: Path) -> None:
    folder = tmp_path / "poses"
    store = PoseStore.create(folder, np.arange(10), JOB, chunk=5)
    rng = np.random.default_rng(0)
    for start in (0, 5):
        store.write(start, some_poses(rng, 5))
    for name, content in files_of(folder).items():
        for damaged in (content[: len(content) // 2], b"", b"\x00" * len(content)):
            (folder / name).write_bytes(damaged)
            try:
                PoseStore.open(folder).read()
            except FileFormatError as error:
                assert str(folder) in str(error)  # noqa: PT017 - some damage cannot be noticed
        (folder / name).write_bytes(content)
    with pytest.raises(FileNotFoundError):
        PoseStore.open(tmp_path / "none")
    with pytest.raises(FileFormatError, match=r"zarr\.json"):
        PoseStore.open(tmp_path)


def test_a_full_disk_is_named(tmp_path: Path, small_disk) -> None:
    job = Job(animals=("one",), keypoints=tuple(map(str, range(300))))
    rng = np.random.default_rng(0)
    chunk = PoseChunk(
        rng.normal(size=(100, 1, 300, 3)), rng.random((100, 1, 300)), rng.normal(size=(100, 1, 3))
    )
    store = PoseStore.create(tmp_path / "poses.zarr", np.arange(100), job)
    with small_disk(), pytest.raises(OSError, match="too large") as full:
        store.write(0, chunk)
    assert full.value.filename == str(store.path)
    assert store.missing_chunks() == (range(100),)
    ids = rng.permutation(100_000)
    with small_disk(), pytest.raises(OSError, match="too large") as full:
        PoseStore.create(tmp_path / "more.zarr", ids, job)
    assert full.value.filename == str(tmp_path / "more.zarr")
    assert [path.name for path in tmp_path.iterdir()] == ["poses.zarr"]
