"""Reads damaged clips of numbered frames, whose names come by standard input, one a line,
after the number of decoder threads.

Answers each with a line of JSON. Runs under a limit of memory.
"""

from __future__ import annotations

import json
import resource
import sys

resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

from numbered_clips import read_code  # noqa: E402

from napari_sdannce.video import VideoError, VideoReader  # noqa: E402

FRAMES = [0, 1, 2, 3, 20, 19, 18, 5, 29, 30, 28, 11, 12, 40, 39, 7]


def outcome(path: str, threads: int) -> dict[str, object]:
    """What reading a file gave: an error at opening, or frames right, refused and wrong."""
    try:
        video = VideoReader(path, color="gray", threads=threads)
    except VideoError as error:
        return {"error": str(error)}
    right, refused, garbled, wrong = 0, 0, 0, []
    with video:
        for i in FRAMES:
            try:
                code = read_code(video.read(i))
            except (VideoError, IndexError):
                refused += 1
                continue
            if code == i:
                right += 1
            elif code is None:
                garbled += 1
            else:
                wrong.append((i, code))
        try:
            n = video.n_frames
        except VideoError:
            n = -1
        str(video.problems), str(video.missing)
    return {"right": right, "refused": refused, "garbled": garbled, "wrong": wrong, "n": n}


if __name__ == "__main__":
    for line in sys.stdin:
        threads, name = line.rstrip("\n").split(" ", 1)
        print(json.dumps(outcome(name, int(threads))), flush=True)  # noqa: T201
