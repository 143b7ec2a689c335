"""The sync of simulated cameras, of which it is known which pulse exposed each frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.capture.beat import number_by_time
from napari_sdannce.capture.frame_records import NONE, FrameRecords
from napari_sdannce.capture.sync_table import (
    SyncRules,
    sample_ids_of,
    sync_cameras,
)
from napari_sdannce.recording import MISSING_FRAME, Sync

if TYPE_CHECKING:
    from napari_sdannce.capture.sync_report import SyncReport

START = 10**15
LINK_NS = 4_000_000


@dataclass
class Simulated:
    """A camera of a rig.

    Parameters
    ----------
    missed
        Pulses before its first one.
    lost
        Pulses whose frames never arrived.
    dropped
        Pulses whose frames arrived and were not written.
    stops
        Pulse before which it was unplugged.
    ppm
        By which its clock is slow.
    link_ns
        Time of the fastest frame from the camera.
    usual_ns
        Mean of what frames need longer.
    has_clock, counts
        What it tells with frames.
    """

    missed: int = 0
    lost: set[int] = field(default_factory=set)
    dropped: set[int] = field(default_factory=set)
    stops: int | None = None
    ppm: float = 0.0
    link_ns: int = LINK_NS
    usual_ns: float = 200_000
    has_clock: bool = True
    counts: bool = True

    def record(self, times: np.ndarray, seed: int) -> tuple[FrameRecords, np.ndarray]:
        """Records of exposures at these times, and the pulse of each frame of its video."""
        rng = np.random.default_rng(seed)
        pulses = np.arange(len(times))
        seen = (pulses >= self.missed) & (pulses < (self.stops or len(times)))
        arrived = pulses[seen & ~np.isin(pulses, list(self.lost))]
        true = times[arrived]
        late = rng.exponential(self.usual_ns, len(arrived)).astype(np.int64)
        host = np.maximum.accumulate(true + self.link_ns + late)
        written = ~np.isin(arrived, list(self.dropped))
        n = len(arrived)
        ticks = np.rint((true - times[0]) / (1 + self.ppm * 1e-6)).astype(np.int64) + 5 * 10**12
        return FrameRecords(
            recorder_index=np.arange(n),
            file_frame=np.where(written, np.cumsum(written) - 1, NONE),
            block_id=arrived - self.missed if self.counts else np.full(n, NONE),
            camera_ns=ticks if self.has_clock else np.full(n, NONE),
            host_ns=host,
            utc_ns=host + 10**18,
            queue_depth=np.zeros(n, np.int64),
            status=np.where(written, "ok", "dropped"),
        ), arrived[written]


def pulse_times(n: int, fps: float, ppm: float = 20.0) -> np.ndarray:
    """Host times of pulses of a board whose clock is off by so much (ns)."""
    return START + np.rint(np.arange(n) * 1e9 / fps * (1 + ppm * 1e-6)).astype(np.int64)


def synchronise(
    rig: dict[str, Simulated], rules: SyncRules, n: int = 400
) -> tuple[Sync, SyncReport, list[np.ndarray]]:
    """Sync, report and the pulse of each frame of each camera's video."""
    times = pulse_times(n, rules.fps)
    made = {name: each.record(times, seed) for seed, (name, each) in enumerate(rig.items())}
    sync, report = sync_cameras({name: records for name, (records, _) in made.items()}, rules)
    return sync, report, [pulses for _, pulses in made.values()]


def shown_pulses(sync: Sync, truth: list[np.ndarray]) -> np.ndarray:
    """(T, V) pulse that each frame of a sync really is of; -1 for none."""
    found = np.full(sync.frames.shape, -1)
    for column, pulses in enumerate(truth):
        there = sync.frames[:, column] != MISSING_FRAME
        found[there, column] = pulses[sync.frames[there, column]]
    return found


def in_all(truth: list[np.ndarray]) -> np.ndarray:
    return np.array(sorted(set.intersection(*(set(pulses.tolist()) for pulses in truth))))


def test_whole_recordings_are_in_step() -> None:
    rig = {f"Camera{i}": Simulated(ppm=30.0 * i) for i in range(1, 4)}
    sync, report, _ = synchronise(rig, SyncRules(100))
    np.testing.assert_array_equal(sync.frames, np.arange(400)[:, None].repeat(3, axis=1))
    np.testing.assert_array_equal(sync.sample_ids, np.arange(400) * 10 + 1)
    assert report.sample_ids == "milliseconds"
    assert report.problems == ()
    assert report.n_incomplete == report.n_skewed == report.n_filled == 0
    assert report.most_skew_ms < 0.5
    assert [camera.clock.drift_ppm for camera in report.cameras if camera.clock] == pytest.approx(
        [30, 60, 90], abs=10
    )
    assert [camera.n_lost for camera in report.cameras] == [0, 0, 0]


losses = st.sets(st.integers(0, 399), max_size=60)
cameras = st.builds(
    Simulated,
    lost=losses,
    dropped=losses,
    stops=st.none() | st.integers(200, 399),
    ppm=st.floats(-100, 100),
    has_clock=st.booleans(),
)


@given(st.lists(cameras, min_size=1, max_size=5), st.sampled_from([30.0, 50.0, 100.0, 59.94]))
def test_counted_frames_are_matched_whatever_was_lost(
    simulated: list[Simulated], fps: float
) -> None:
    rig = {f"Camera{i}": each for i, each in enumerate(simulated)}
    sync, report, truth = synchronise(rig, SyncRules(fps))
    shown = shown_pulses(sync, truth)
    common = in_all(truth)
    np.testing.assert_array_equal(shown, common[:, None].repeat(len(rig), axis=1))
    assert (np.diff(sync.sample_ids) > 0).all()
    for camera, pulses in zip(report.cameras, truth, strict=True):
        assert camera.n_frames == len(pulses)
        assert (camera.first, camera.last) == (pulses[0], pulses[-1])
        gone = sorted(set(range(pulses[0], pulses[-1])) - set(pulses.tolist()))
        assert [number for lost in camera.lost for number in lost] == gone
        assert camera.numbered_by == "count"
    assert report.n_moments == len(common)
    union = set().union(*(set(pulses.tolist()) for pulses in truth))
    assert report.n_incomplete == len(union) - len(common)


@given(st.lists(cameras, min_size=3, max_size=5), st.integers(1, 3))
def test_fewer_cameras_can_make_a_moment(simulated: list[Simulated], least: int) -> None:
    rig = {f"Camera{i}": each for i, each in enumerate(simulated)}
    sync, _, truth = synchronise(rig, SyncRules(100, least_cameras=least))
    shown = shown_pulses(sync, truth)
    counts = np.bincount(np.concatenate(truth), minlength=400)
    wanted = np.flatnonzero(counts >= least)
    np.testing.assert_array_equal(shown.max(axis=1), wanted)
    np.testing.assert_array_equal((shown >= 0).sum(axis=1), counts[wanted])
    assert ((shown == -1) | (shown == wanted[:, None])).all()


def test_the_nearest_frame_can_stand_for_a_missing_one() -> None:
    rig = {"A": Simulated(), "B": Simulated(lost={0, 10, 11, 12, 399})}
    sync, report, truth = synchronise(rig, SyncRules(100, least_cameras=1, missing="nearest"))
    shown = shown_pulses(sync, truth)
    np.testing.assert_array_equal(shown[:, 0], np.arange(400))
    assert shown[[0, 9, 10, 11, 12, 13, 399], 1].tolist() == [1, 9, 9, 9, 13, 13, 398]
    assert report.n_filled == 5
    assert [camera.n_used for camera in report.cameras] == [400, 395]


@pytest.mark.parametrize("missed", [1, 3, 40])
def test_a_camera_that_missed_the_first_pulses_is_told_and_moved(missed: int) -> None:
    rig = {"A": Simulated(), "B": Simulated(missed=missed, lost={90}), "C": Simulated(ppm=80)}
    sync, report, truth = synchronise(rig, SyncRules(100))
    shown = shown_pulses(sync, truth)
    assert (shown == in_all(truth)[:, None]).all()
    assert sync.sample_ids[0] == missed * 10 + 1
    assert report.cameras[1].missed_first == missed
    plural = "s" if missed > 1 else ""
    assert report.problems == (f"B missed the first {missed} pulse{plural}",)


def test_a_slow_link_is_no_missed_pulse() -> None:
    rig = {"A": Simulated(), "B": Simulated(link_ns=LINK_NS + 11_000_000)}
    sync, report, truth = synchronise(rig, SyncRules(100))
    assert (shown_pulses(sync, truth) == np.arange(400)[:, None]).all()
    assert "B come 11.0 ms later" in report.problems[0]
    assert report.cameras[1].offset_ms - report.cameras[0].offset_ms == pytest.approx(11, abs=0.2)
    assert report.most_skew_ms < 1


def test_a_camera_whose_count_stands_still_is_numbered_by_time() -> None:
    times = pulse_times(400, 50)
    whole, truth = Simulated(lost={7, 8, 200}).record(times, 0)
    broken, others = Simulated(lost={30}, counts=False).record(times, 1)
    broken.block_id[:] = 0
    sync, report = sync_cameras({"A": whole, "B": broken}, SyncRules(50))
    shown = shown_pulses(sync, [truth, others])
    assert (shown == in_all([truth, others])[:, None]).all()
    assert [camera.numbered_by for camera in report.cameras] == ["count", "time"]


uncounted = st.builds(
    Simulated,
    missed=st.integers(0, 5),
    lost=losses,
    dropped=losses,
    ppm=st.floats(-100, 100),
    has_clock=st.booleans(),
    counts=st.just(False),
    usual_ns=st.just(1_000_000),
)


@given(st.lists(uncounted, min_size=2, max_size=4))
def test_triggered_cameras_without_a_count_are_matched_by_time(simulated: list[Simulated]) -> None:
    rig = {f"Camera{i}": each for i, each in enumerate(simulated)}
    sync, report, truth = synchronise(rig, SyncRules(50))
    shown = shown_pulses(sync, truth)
    assert (shown == shown[:, :1]).all()
    np.testing.assert_array_equal(shown[:, 0], in_all(truth))
    assert {camera.numbered_by for camera in report.cameras} == {"time"}


def test_pulses_that_were_sent_are_compared() -> None:
    rig = {"A": Simulated(), "B": Simulated(stops=300)}
    _, report, _ = synchronise(rig, SyncRules(100, pulses=400))
    assert report.problems == ("B saw 300 pulses of 400",)


def test_free_cameras_are_matched_by_time() -> None:
    rng = np.random.default_rng(3)
    seconds, made, exposed = 60, {}, {}
    for i, (fps, phase_ms) in enumerate([(50.0, 0.0), (50.002, 7.0), (49.99, 13.0)]):
        times = START + np.rint((np.arange(int(seconds * fps)) / fps + phase_ms / 1e3) * 1e9)
        times = times.astype(np.int64)
        simulated = Simulated(lost=set(rng.integers(0, 2900, 50).tolist()), has_clock=i != 1)
        made[f"C{i}"], shown = simulated.record(times, i)
        exposed[f"C{i}"] = times[shown]
    sync, report = sync_cameras(made, SyncRules(50, trigger="free", least_cameras=1))
    assert len(sync) >= 2950
    for column, name in enumerate(made):
        there = sync.frames[:, column] != MISSING_FRAME
        at = exposed[name][sync.frames[there, column]]
        assert (np.diff(sync.frames[there, column]) > 0).all()
        reference = sync.frames[there, 0] if report.cameras[0].n_used == len(sync) else None
        if reference is not None:
            off = np.abs(at - exposed["C0"][reference]) / 1e6
            assert off.max() < 12
        assert there.mean() > 0.95
    assert report.most_skew_ms < 22
    assert (np.diff(sync.sample_ids) > 0).all()


def test_a_free_camera_that_began_when_others_had_ended_is_told() -> None:
    times = pulse_times(100, 50)
    rig = {"A": times, "B": times, "C": times + 3_000_000_000}
    records = {name: Simulated().record(when, 0)[0] for name, when in rig.items()}
    sync, report = sync_cameras(records, SyncRules(50, trigger="free"))
    assert sync.frames.tolist() == [[i, i, MISSING_FRAME] for i in range(100)]
    assert report.problems == ("no frame of C is near one of the others in time",)


def test_moments_that_lie_apart_can_be_left_out() -> None:
    times = pulse_times(200, 100)
    records = {}
    for i in range(3):
        records[f"C{i}"], _ = Simulated(usual_ns=1, has_clock=False).record(times, i)
    records["C2"].host_ns[50:60] += 3_000_000
    sync, report = sync_cameras(records, SyncRules(100, most_skew_ms=2))
    assert report.n_skewed == 10
    assert len(sync) == 190
    assert report.most_skew_ms < 0.1
    _, loose = sync_cameras(records, SyncRules(100))
    assert loose.most_skew_ms == pytest.approx(3, abs=0.01)
    assert loose.cameras[2].most_skew_ms == pytest.approx(3, abs=0.01)
    assert loose.skew_ms < 0.01


def test_a_camera_without_frames_does_not_empty_the_sync() -> None:
    rig = {"A": Simulated(), "B": Simulated(dropped=set(range(400))), "C": Simulated()}
    sync, report, _ = synchronise(rig, SyncRules(100))
    assert len(sync) == 400
    assert (sync.frames[:, 1] == MISSING_FRAME).all()
    assert "B recorded nothing" in report.problems
    nothing, report = sync_cameras(
        {"B": rig["B"].record(pulse_times(9, 100), 0)[0]}, SyncRules(100)
    )
    assert len(nothing) == 0
    assert report.n_moments == 0
    with pytest.raises(ValueError, match="no cameras"):
        sync_cameras({}, SyncRules(100))


@given(st.floats(0.5, 2000), st.integers(2, 500))
def test_sample_ids_are_whole_and_rise(fps: float, n: int) -> None:
    numbers = np.arange(n)
    ids, is_time = sample_ids_of(numbers, fps)
    assert ids.dtype == np.int64
    assert (np.diff(ids) > 0).all()
    if is_time:
        np.testing.assert_allclose(ids, numbers * 1000 / fps + 1, atol=1e-3 * n)


def test_sample_ids_of_usual_rates() -> None:
    numbers = np.array([0, 1, 50])
    assert sample_ids_of(numbers, 50)[0].tolist() == [1, 21, 1001]
    assert sample_ids_of(numbers, 1000)[0].tolist() == [1, 2, 51]
    assert sample_ids_of(numbers, 30)[0].tolist() == [0, 1, 50]
    assert sample_ids_of(numbers, 2000)[0].tolist() == [0, 1, 50]
    assert sample_ids_of(numbers, 120)[1] is False


@given(
    st.lists(st.sampled_from([1, 1, 1, 1, 2, 3, 10]), min_size=5, max_size=300),
    st.integers(0, 2**20),
    st.floats(-100, 100),
)
def test_numbers_by_time_are_those_of_the_beat(steps: list[int], seed: int, ppm: float) -> None:
    rng = np.random.default_rng(seed)
    true = np.concatenate([[0], np.cumsum(steps)])
    times = np.rint(true * 20e6 * (1 + ppm * 1e-6)) + rng.exponential(800_000, len(true))
    times[3:] = np.maximum.accumulate(times[3:])
    found = number_by_time(np.maximum.accumulate(times).astype(np.int64), 20e6)
    np.testing.assert_array_equal(found, true)


def test_frames_that_waited_for_one_another_get_their_numbers() -> None:
    times = np.arange(100) * 10_000_000
    times[20:40] = np.linspace(times[40], times[40] + 9_000_000, 20)  # held up, then all at once
    np.testing.assert_array_equal(number_by_time(np.sort(times), 10e6), np.arange(100))
