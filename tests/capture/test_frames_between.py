"""Frames on their way: numbered, waiting in bounded memory, and looked at."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_sdannce.capture.cameras import Frame
from napari_sdannce.capture.frame_queue import FrameQueue
from napari_sdannce.capture.newest import NewestFrames
from napari_sdannce.capture.numbering import NumberedFrame, Numbering

PERIOD = 10_000_000


def frame(
    block: int | None, camera_ns: int | None = None, host_ns: int = 0, size: int = 100
) -> Frame:
    return Frame(np.zeros((size, 1), np.uint8), block, camera_ns, host_ns, host_ns)


def numbered(exposure: int, size: int = 100) -> NumberedFrame:
    return NumberedFrame(frame(exposure, size=size), exposure)


def test_a_camera_that_counts_is_believed() -> None:
    numbering = Numbering(100, by_time=False)
    found = [numbering.number(frame(block, block * PERIOD)) for block in (0, 1, 4, 5)]
    assert [(each.exposure, each.lost_before) for each in found] == [(0, 0), (1, 0), (4, 2), (5, 0)]
    assert not any(each.is_late for each in found)
    with pytest.raises(ValueError, match="counts 5, then 5"):
        numbering.number(frame(5))


def test_the_first_frames_may_be_lost() -> None:
    (first,) = [Numbering(100, by_time=False).number(frame(3))]
    assert (first.exposure, first.lost_before) == (3, 3)


def test_without_a_count_time_tells() -> None:
    numbering = Numbering(100, by_time=True)
    rng = np.random.default_rng(0)
    exposures = [0, 1, 2, 5, 6, 8]
    times = [e * PERIOD + int(rng.uniform(-0.3, 0.3) * PERIOD) for e in exposures]
    found = [numbering.number(frame(None, None, host_ns)) for host_ns in times]
    assert [each.exposure for each in found] == exposures


def test_a_triggered_camera_may_pause() -> None:
    numbering = Numbering(100, by_time=False)
    times = [0, PERIOD, 9 * PERIOD]
    found = [numbering.number(frame(None, None, host_ns)) for host_ns in times]
    assert [each.exposure for each in found] == [0, 1, 2]
    assert [each.is_late for each in found] == [False, False, True]


def test_what_waits_is_bounded_by_bytes() -> None:
    queue = FrameQueue(limit=250)
    assert [queue.put(numbered(i)) for i in range(4)] == [True, True, False, False]
    assert queue.fill == pytest.approx(200 / 250)
    assert queue.get(0).exposure == 0
    assert queue.put(numbered(4))
    assert [queue.get(0).exposure for _ in range(2)] == [1, 4]
    assert queue.get(0) is None
    assert queue.put(numbered(5, size=1000))  # larger than all: it may wait alone
    assert not queue.put(numbered(6, size=1))
    queue.close()
    assert not queue.put(numbered(7))
    assert not queue.is_finished
    assert queue.get(0).exposure == 5
    assert queue.is_finished
    assert queue.most_fill == pytest.approx(1000 / 250)


def test_nothing_is_lost_between_threads() -> None:
    queue, taken = FrameQueue(limit=10_000), []

    def take() -> None:
        while not queue.is_finished:
            got = queue.get(0.1)
            if got is not None:
                taken.append(got.exposure)

    thread = threading.Thread(target=take)
    thread.start()
    put = [i for i in range(5000) if queue.put(numbered(i))]
    queue.close()
    thread.join()
    assert taken == put


def test_sets_are_of_one_exposure() -> None:
    newest = NewestFrames(["a", "b"])
    assert newest.of("a") is None
    assert newest.wait_for_set(-1, 0) is None
    for name, exposures in (("a", (0, 1, 2, 3)), ("b", (0, 2))):
        for exposure in exposures:
            newest.put(name, numbered(exposure))
    found = newest.wait_for_set(-1, 0)
    assert found is not None
    assert (found.exposure, [each.exposure for each in found.frames]) == (2, [2, 2])
    assert newest.of("a").exposure == 3
    assert newest.wait_for_set(2, 0) is None
    newest.put("b", NumberedFrame(Frame(None, 3, None, 0, 0, "torn"), 3))
    assert newest.wait_for_set(2, 0) is None  # it has no image
