"""Frames on their way: numbered, waiting in bounded memory, and looked at."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_sdannce.capture.cameras import Frame
from napari_sdannce.capture.frame_queue import FrameQueue, QueuedFrame
from napari_sdannce.capture.frame_records import FrameStatus
from napari_sdannce.capture.newest import NewestFrames
from napari_sdannce.capture.numbering import NumberedFrame, Numbering
from napari_sdannce.capture.recorder.moments import Moments

PERIOD = 10_000_000


def frame(
    block: int | None, camera_ns: int | None = None, host_ns: int = 0, size: int = 100
) -> Frame:
    return Frame(np.zeros((size, 1), np.uint8), block, camera_ns, host_ns, host_ns)


def queued(index: int, size: int = 100) -> QueuedFrame:
    return QueuedFrame(index, frame(index, size=size), 0, FrameStatus.OK)


def test_a_camera_that_counts_is_believed() -> None:
    numbering = Numbering(100)
    found = [numbering.number(frame(block, block * PERIOD)) for block in (0, 1, 4, 5)]
    assert [(each.exposure, each.lost_before) for each in found] == [(0, 0), (1, 0), (4, 2), (5, 0)]
    assert not any(each.late_periods for each in found)


def test_a_count_that_falls_back_goes_on_from_where_it_was() -> None:
    numbering = Numbering(100)
    found = [numbering.number(frame(block, i * PERIOD)) for i, block in enumerate((7, 8, 0, 1, 3))]
    assert [each.exposure for each in found] == [7, 8, 9, 10, 12]
    assert [each.began_anew for each in found] == [False, False, True, False, False]


def test_a_frame_that_came_without_its_count_is_the_next_one() -> None:
    numbering = Numbering(100)
    blocks = (0, 1, None, 3, None, None, 8)
    found = [numbering.number(frame(block, None, i * PERIOD)) for i, block in enumerate(blocks)]
    assert [each.exposure for each in found] == [0, 1, 2, 3, 4, 5, 8]
    assert [each.lost_before for each in found] == [0, 0, 0, 0, 0, 0, 2]
    assert not any(each.began_anew for each in found)


def test_the_first_frames_may_be_lost() -> None:
    first = Numbering(100).number(frame(3))
    assert (first.exposure, first.lost_before) == (3, 3)


def test_a_frame_that_comes_late_is_told_from_lost_ones() -> None:
    numbering = Numbering(100)
    times = {0: 0, 1: PERIOD, 2: 5 * PERIOD, 9: 12 * PERIOD}
    found = [numbering.number(frame(block, None, at)) for block, at in times.items()]
    assert [each.late_periods for each in found] == [0, 0, 4, 0]
    assert [each.lost_before for each in found] == [0, 0, 0, 6]


def test_without_a_count_time_tells() -> None:
    numbering = Numbering(100)
    rng = np.random.default_rng(0)
    exposures = [0, 1, 2, 5, 6, 8]
    times = [e * PERIOD + int(rng.uniform(-0.3, 0.3) * PERIOD) for e in exposures]
    found = [numbering.number(frame(None, None, host_ns)) for host_ns in times]
    assert [each.exposure for each in found] == exposures
    assert [each.lost_before for each in found] == [0] * 6  # it may as well have come late
    assert [bool(each.late_periods) for each in found] == [False, False, False, True, False, True]


def test_what_waits_is_bounded_by_bytes() -> None:
    queue = FrameQueue(limit=250)
    assert [queue.put(queued(i)) for i in range(4)] == [True, True, False, False]
    assert queue.put(queued(3).dropped)  # there is only something to be noted
    assert queue.fill == pytest.approx(200 / 250)
    assert queue.get().index == 0
    assert queue.put(queued(4))
    assert [queue.get().index for _ in range(3)] == [1, 3, 4]
    assert queue.put(queued(5, size=1000))  # larger than all: it may wait alone
    assert not queue.put(queued(6, size=1))
    assert queue.put(queued(6).dropped)
    queue.close()
    assert not queue.put(queued(7))
    assert [queue.get().index for _ in range(2)] == [5, 6]
    assert queue.get() is None
    assert queue.most_fill == pytest.approx(1000 / 250)


def test_nothing_is_lost_between_threads() -> None:
    queue, taken = FrameQueue(limit=10_000), []

    def take() -> None:
        while (got := queue.get()) is not None:
            taken.append(got.index)

    thread = threading.Thread(target=take)
    thread.start()
    put = [i for i in range(5000) if queue.put(queued(i))]
    queue.close()
    thread.join()
    assert taken == put


def test_sets_are_of_one_moment() -> None:
    newest = NewestFrames(["a", "b"])
    assert newest.of("a") is None
    assert newest.wait_for_set(-1, 0) is None
    for name, moments in (("a", (0, 1, 2, 3)), ("b", (0, 2))):
        for moment in moments:
            newest.put(name, frame(moment), moment)
    found = newest.wait_for_set(-1, 0)
    assert found is not None
    assert (found.moment, [each.block_id for each in found.frames]) == (2, [2, 2])
    assert newest.of("a").block_id == 3
    assert newest.wait_for_set(2, 0) is None
    newest.put("b", Frame(None, 3, None, 0, 0, "torn"), 3)
    assert newest.wait_for_set(2, 0) is None  # it has no image
    newest.begin_anew()
    assert newest.of("a") is None
    newest.put("a", frame(0), 0)
    newest.put("b", frame(0), 0)
    assert newest.wait_for_set(-1, 0).moment == 0


def test_cameras_that_run_freely_meet_though_they_began_one_after_the_other() -> None:
    moments = Moments(100, 0, is_triggered=False)
    late_ns = 3 * PERIOD + PERIOD // 3
    early = [moments.of("a", _numbered(i, i * PERIOD)) for i in range(5)]
    late = [moments.of("b", _numbered(i, i * PERIOD + late_ns)) for i in range(5)]
    assert (early, late) == ([0, 1, 2, 3, 4], [3, 4, 5, 6, 7])


def test_cameras_that_are_triggered_meet_by_their_count() -> None:
    moments = Moments(100, 0, is_triggered=True)
    assert [moments.of("a", _numbered(i, 10**9)) for i in (0, 5)] == [0, 5]


def _numbered(exposure: int, host_ns: int) -> NumberedFrame:
    return NumberedFrame(frame(exposure, None, host_ns), exposure)
