"""A long video without encoding it: the packets of a short clip, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np

from napari_sdannce.video import Encoding, VideoWriter

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, HEIGHT, FPS = 1152, 1024, 50


def write_clip(path: Path, n_frames: int) -> None:
    """Moving blocks of colour, H.264 with B-frames, a keyframe a second."""
    rng = np.random.default_rng(0)
    texture = rng.integers(60, 180, (HEIGHT // 8, WIDTH // 8 + n_frames, 3)).astype(np.uint8)
    options = {"bf": "3", "sc_threshold": "0"}
    with VideoWriter(
        path, WIDTH, HEIGHT, FPS, encoding=Encoding(quality=28, options=options)
    ) as video:
        for t in range(n_frames):
            part = texture[:, t : t + WIDTH // 8]
            video.write(part.repeat(8, axis=0).repeat(8, axis=1))


def repeat_clip(clip: Path, path: Path, n_frames: int) -> None:
    """Write a clip's packets again and again, with rising times, until there are `n_frames`."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as sink:
        stream = source.streams.video[0]
        out = sink.add_stream_from_template(stream)
        packets = [packet for packet in source.demux(stream) if packet.size]
        stored = [(bytes(p), p.pts, p.dts, p.duration, p.is_keyframe) for p in packets]
        length = sum(packet.duration for packet in packets)
        for i in range(n_frames):
            turn, k = divmod(i, len(stored))
            content, pts, dts, duration, key = stored[k]
            packet = av.Packet(content)
            packet.stream, packet.time_base = out, stream.time_base
            packet.pts, packet.dts = pts + turn * length, dts + turn * length
            packet.duration, packet.is_keyframe = duration, key
            sink.mux(packet)


def write_long_video(path: Path, n_frames: int) -> None:
    """A video of `n_frames`, made of a clip of two seconds."""
    clip = path.with_name("clip.mp4")
    write_clip(clip, 2 * FPS)
    repeat_clip(clip, path, n_frames)
    clip.unlink()
