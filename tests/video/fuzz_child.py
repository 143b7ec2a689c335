"""Reads damaged clips of numbered frames, whose names come by standard input, one a line,
after the number of decoder threads.

Answers each with a line of JSON. Runs under a limit of memory.

Codecs without check sums can be damaged into another valid stream: a frame's bytes may then say
"the same as the frame before", and nobody can tell. Such a frame counts as forged, not as wrong,
when a strict decoder that reads the file once from its start sees no error and the same picture.
"""

from __future__ import annotations

import json
import resource
import sys

import av

resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))

from numbered_clips import read_code  # noqa: E402

from napari_sdannce.video import VideoError, VideoReader  # noqa: E402

FPS = 30
FRAMES = [0, 1, 2, 3, 20, 19, 18, 5, 29, 30, 28, 11, 12, 40, 39, 7]


def strictly_decoded(path: str) -> dict[int, int | None]:
    """The code of each frame, by its time; frames after an error are left out up to a key frame."""
    codes = {}
    sound = True
    with av.open(path, metadata_errors="ignore") as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        stream.codec_context.options = {"err_detect": "explode"}
        for packet in container.demux(stream):
            try:
                images = packet.decode()
            except av.error.FFmpegError:
                sound = False
                continue
            for image in images:
                sound = (sound or bool(image.key_frame)) and not image.is_corrupt
                if sound and image.time is not None:
                    codes[round(image.time * FPS)] = read_code(image.to_ndarray(format="gray"))
    return codes


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
    forged = []
    if wrong:
        seen = strictly_decoded(path)
        forged = [(i, code) for i, code in wrong if seen.get(i) == code]
        wrong = [pair for pair in wrong if pair not in forged]
    return {
        "right": right,
        "refused": refused,
        "garbled": garbled,
        "forged": forged,
        "wrong": wrong,
        "n": n,
    }


if __name__ == "__main__":
    for line in sys.stdin:
        threads, name = line.rstrip("\n").split(" ", 1)
        print(json.dumps(outcome(name, int(threads))), flush=True)  # noqa: T201
