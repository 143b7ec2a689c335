"""Random damage, read in a child process under limits: an error or right frames, nothing else.

Damage to what frames hold, lost stretches and lost ends must never show a frame under another's
number, unless the damaged bytes themselves are a valid picture of another frame (`fuzz_child.py`).
Damage to a file's own tables can make it another file; there only crashes, hangs and other
errors are looked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import av
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numbered_clips import write_clip

if TYPE_CHECKING:
    from collections.abc import Iterator

X264 = {"preset": "veryfast", "crf": "20", "sc_threshold": "0", "g": "10"}
CLIPS = {
    "a.mp4": {"options": {**X264, "bf": "3"}},
    "b.mp4": {"options": {**X264, "bf": "2"}, "container_options": {"movflags": "faststart"}},
    "c.mp4": {
        "options": {**X264, "bf": "3"},
        "container_options": {"movflags": "frag_keyframe+empty_moov"},
    },
    "d.mkv": {"options": {**X264, "bf": "3"}},
    "e.mkv": {"codec": "ffv1", "gop": 5, "options": {"slicecrc": "1", "level": "3"}},
    "f.avi": {"codec": "mpeg4", "gop": 10},
    "g.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
}
Hit = tuple[float, int, int]
"""Where in the clip (0-1), how many bytes, which byte."""
FORGEABLE = {("contents", name) for name in CLIPS if name != "e.mkv"}
"""Clips without check sums, when bytes of their frames are changed."""
CHILD = Path(__file__).with_name("fuzz_child.py")
SECONDS = 30
"""More than this for one file is a hang."""
EXAMPLES = int(os.environ.get("SDANNCE_FUZZ_EXAMPLES", "40"))


class Clip:
    """Bytes of a clip, and where the contents of its frames are; not to be printed."""

    def __init__(self, data: bytes, frames: list[range]) -> None:
        self.data = data
        self.frames = frames


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Clip]:
    folder = tmp_path_factory.mktemp("clips")
    found = {}
    for name, arguments in CLIPS.items():
        path = write_clip(folder / name, 40, **arguments)
        with av.open(str(path)) as container:
            packets = [p for p in container.demux(video=0) if p.size]
        # the first bytes may be the head of the block around the packet
        contents = [range(p.pos + 8, p.pos + p.size) for p in packets if p.size > 12]
        found[name] = Clip(path.read_bytes(), contents)
    return found


class Child:
    """The process that reads; a new one is started when it dies or hangs."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )

    def read(self, path: Path, threads: int) -> dict[str, object]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(threads, path, file=self._process.stdin, flush=True)
        watchdog = threading.Timer(SECONDS, self._process.kill)
        watchdog.start()
        answer = self._process.stdout.readline()
        watchdog.cancel()
        assert answer, f"reading ended with exit status {self._process.wait()}"
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(SECONDS)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    process = Child()
    yield process
    process.close()


def _contents(clip: bytearray, frames: list[range], hits: list[Hit]) -> bytearray:
    for where, _, byte in hits:
        at = where * len(frames)
        frame = frames[int(at)]
        clip[frame[int((at - int(at)) * len(frame))]] = byte
    return clip


def _stretch(clip: bytearray, frames: list[range], hits: list[Hit]) -> bytearray:
    where, length, _ = hits[0]
    first, last = frames[1].start, frames[-1].stop
    start = first + int(where * (last - first))
    stop = min(last, start + length)
    clip[start:stop] = bytes(stop - start)
    return clip


def _end(clip: bytearray, frames: list[range], hits: list[Hit]) -> bytearray:
    return clip[: 1 + int(hits[0][0] * (len(clip) - 1))]


def _anything(clip: bytearray, frames: list[range], hits: list[Hit]) -> bytearray:
    for where, length, byte in hits:
        at = int(where * len(clip))
        clip[at] = byte
        if length < 20:
            del clip[at : at + length]
    return clip


DAMAGE = {"contents": _contents, "stretch": _stretch, "end": _end, "anything": _anything}


@pytest.mark.parametrize("kind", DAMAGE)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    name=st.sampled_from(sorted(CLIPS)),
    threads=st.sampled_from([1, 3]),
    hits=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.integers(1, 400), st.integers(0, 255)),
        min_size=1,
        max_size=6,
    ),
)
def test_damage_gives_an_error_or_the_right_frames(
    clips: dict[str, Clip],
    child: Child,
    tmp_path: Path,
    kind: str,
    name: str,
    threads: int,
    hits: list[Hit],
) -> None:
    clip = clips[name]
    path = tmp_path / name
    path.write_bytes(DAMAGE[kind](bytearray(clip.data), clip.frames, hits))
    outcome = child.read(path, threads)
    if kind != "anything":
        assert outcome.get("forged", []) == [] or (kind, name) in FORGEABLE
        assert outcome.get("wrong", []) == [], f"{name}, {threads} threads, {hits}"
