"""Time to open six long videos as layers, and to step one frame, in a napari window.

Run it under a display, e.g. ``xvfb-run -a -s "-screen 0 1920x1080x24" python
benchmarks/frame_step.py``. One small clip is made (1152x1024, H.264, a keyframe a second), repeated
up to the wanted length without encoding anew, and linked six times.

A step is measured from setting the slider until the window has been drawn. On a machine that does
other work besides, the time on the wall says little; the time on the processors (of all threads of
this process, decoding included) says more.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH, HEIGHT, FPS = 1152, 1024, 50
N_CAMERAS = 6


def write_clip(path: Path, n_frames: int) -> None:
    """A clip of moving texture."""
    from napari_sdannce.video import VideoWriter

    rng = np.random.default_rng(0)
    texture = rng.integers(60, 180, (HEIGHT // 8, WIDTH // 8 + n_frames, 3)).astype(np.uint8)
    with VideoWriter(path, WIDTH, HEIGHT, FPS, quality=28) as video:
        for t in range(n_frames):
            part = texture[:, t : t + WIDTH // 8]
            video.write(part.repeat(8, axis=0).repeat(8, axis=1))


def repeat_clip(clip: Path, path: Path, n_frames: int) -> None:
    """The same packets again and again, with rising time stamps, until there are `n_frames`."""
    import av

    with av.open(str(clip)) as source, av.open(str(path), "w") as sink:
        stream = source.streams.video[0]
        out = sink.add_stream_from_template(stream)
        packets = [
            (bytes(p), p.pts, p.dts, p.is_keyframe, p.duration)
            for p in source.demux(stream)
            if p.size
        ]
        length = sum(p[4] for p in packets)
        for i in range(n_frames):
            turn, k = divmod(i, len(packets))
            content, pts, dts, key, duration = packets[k]
            packet = av.Packet(content)
            packet.stream = out
            packet.time_base = stream.time_base
            packet.pts, packet.dts = pts + turn * length, dts + turn * length
            packet.duration, packet.is_keyframe = duration, key
            sink.mux(packet)


def make_recording(folder: Path, clip: Path) -> Any:
    """Six cameras on a ring whose videos are all the same file."""
    from napari_sdannce.recording import Recording, VideoFile, View
    from napari_sdannce.skeletons import load_skeleton
    from napari_sdannce.synthetic import camera_ring

    cameras = camera_ring(N_CAMERAS, image_size=(WIDTH, HEIGHT))
    views = tuple(View(camera.name, (VideoFile(clip),), camera) for camera in cameras)
    return Recording(folder, views, skeleton=load_skeleton("rat23"))


def make_poses(n_moments: int) -> Any:
    """Two animals of 23 keypoints that circle."""
    from napari_sdannce.poses import Poses
    from napari_sdannce.skeletons import load_skeleton

    rng = np.random.default_rng(1)
    body = rng.uniform(0, 120, (1, 2, 23, 3)) - np.array([60, 60, 0])
    angle = np.arange(n_moments)[:, None] * 0.02 + (0, np.pi)
    middle = 120 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
    positions = body + middle[:, :, None]
    keypoints = load_skeleton("rat23").keypoints
    confidence = np.ones(positions.shape[:3])
    return Poses(positions, confidence, np.arange(n_moments), ("rat1", "rat2"), keypoints)


@dataclass(frozen=True)
class Steps:
    """Milliseconds on the wall, sorted, and on the processors (median)."""

    wall: list[float]
    cpu: float


class Window:
    """A napari window of a fixed size that is really drawn."""

    def __init__(self) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        self.viewer = napari.Viewer()
        self.viewer.window.resize(1900, 1050)
        self.application = QApplication.instance()
        self.draw(10)

    def draw(self, turns: int = 3) -> None:
        for _ in range(turns):
            self.application.processEvents()

    def steps(self, go: Callable[[int], object], moments: range) -> Steps:
        """Time each step; the first two are left out."""
        wall, cpu = [], []
        for moment in moments:
            start, busy = time.perf_counter(), time.process_time()
            go(moment)
            self.draw()
            wall.append(1000 * (time.perf_counter() - start))
            cpu.append(1000 * (time.process_time() - busy))
        return Steps(sorted(wall[2:]), statistics.median(cpu[2:]))

    def grid(self) -> None:
        """One layer a cell."""
        self.viewer.canvas.grid.stride, self.viewer.canvas.grid.enabled = 1, True
        self.draw()

    def clear(self) -> None:
        self.viewer.layers.clear()
        self.draw()


def measure_opening(window: Window, recording: Any) -> tuple[float, float]:
    """Seconds until the layers are there, and until they are drawn."""
    from napari_sdannce.widgets import add_recording

    start = time.perf_counter()
    add_recording(window.viewer, recording)
    added = time.perf_counter() - start
    window.draw()
    return added, time.perf_counter() - start


def slider(window: Window) -> Callable[[int], object]:
    return lambda moment: window.viewer.dims.set_current_step(0, moment)


def measure_panel(window: Window, recording: Any, poses: Any, moments: range) -> dict[str, Steps]:
    """Steps of what the panel shows, with more and more over the images."""
    from napari_sdannce.widgets import add_poses, add_recording
    from napari_sdannce.widgets.recording_layers import shown_in
    from napari_sdannce.widgets.scene_view import show_scene

    found = {}
    add_recording(window.viewer, recording)
    window.draw()
    found["images (dask, grid)"] = window.steps(slider(window), moments)
    with_window, adapter_has = _no_scene()
    add_poses(window.viewer, recording, poses)
    adapter_has(with_window)
    window.draw()
    found["images + points + vectors"] = window.steps(slider(window), moments)
    shown = shown_in(window.viewer)
    assert shown is not None
    show_scene(shown)
    window.draw(10)
    found["the same + 3D view"] = window.steps(slider(window), moments)
    window.clear()
    return found


def _no_scene() -> tuple[Any, Callable[[Any], None]]:
    """Keep the 3D view from opening by itself; returns how to undo that."""
    from napari_sdannce.widgets import napari_adapter

    before = napari_adapter.has_window
    napari_adapter.has_window = lambda viewer: False
    return before, lambda own: setattr(napari_adapter, "has_window", own)


def measure_alternatives(
    window: Window, recording: Any, poses: Any, moments: range
) -> dict[str, Steps]:
    """The same picture made in other ways, one thing at a time."""
    from napari_sdannce.widgets.marks import PoseMarks

    marks = PoseMarks(recording, poses.sample_ids, poses)
    ends = np.array(marks.skeleton.bones)
    joints = {
        (t, v): np.nan_to_num(marks.draw(t, v).joints[..., ::-1])
        for t in moments
        for v in range(N_CAMERAS)
    }
    lines = {key: found[:, ends].reshape(-1, 2, 2) for key, found in joints.items()}
    return {
        **_points(window, joints, moments),
        **_bones(window, lines, moments),
        **_pushed(window, recording, moments),
    }


def _refill(layer: Any, data: Any) -> None:
    layer.data[...] = data
    layer.refresh(extent=False, thumbnail=False, highlight=False)


def _points(window: Window, joints: Any, moments: range) -> dict[str, Steps]:
    first = joints[moments[0], 0].reshape(-1, 2)
    layers = [window.viewer.add_points(first, size=12) for _ in range(N_CAMERAS)]
    window.grid()

    def new(t: int) -> None:
        for v, layer in enumerate(layers):
            layer.data = joints[t, v].reshape(-1, 2)

    def in_place(t: int) -> None:
        for v, layer in enumerate(layers):
            _refill(layer, joints[t, v].reshape(-1, 2))

    found = {
        "  points alone: new data": window.steps(new, moments),
        "  points alone: in place": window.steps(in_place, moments),
    }
    window.clear()
    return found


def _bones(window: Window, lines: Any, moments: range) -> dict[str, Steps]:
    first = lines[moments[0], 0]
    shapes = [window.viewer.add_shapes(list(first), shape_type="line") for _ in range(N_CAMERAS)]
    window.grid()

    def new(t: int) -> None:
        for v, layer in enumerate(shapes):
            layer.data = list(lines[t, v])

    found = {"  bones alone: Shapes, new data": window.steps(new, moments)}
    window.clear()
    vectors = [window.viewer.add_vectors(first, vector_style="line") for _ in range(N_CAMERAS)]
    window.grid()

    def in_place(t: int) -> None:
        for v, layer in enumerate(vectors):
            start, end = lines[t, v][:, 0], lines[t, v][:, 1]
            _refill(layer, np.stack([start, end - start], axis=1))

    found["  bones alone: Vectors, in place"] = window.steps(in_place, moments)
    window.clear()
    return found


def _pushed(window: Window, recording: Any, moments: range) -> dict[str, Steps]:
    """Frames handed to plain 2D image layers: no slider axis, no dask."""
    from napari_sdannce.video import RecordingVideo

    found = {}
    with RecordingVideo(recording) as video:
        first = video.read(moments[0])
        images = [window.viewer.add_image(f, rgb=True, contrast_limits=(0, 255)) for f in first]
        window.grid()

        def push(t: int) -> None:
            for layer, frame in zip(images, video.read(t), strict=True):
                layer.data = frame
            video.prefetch([t + 1, t + 2])

        found["  images alone: pushed, no slider axis"] = window.steps(push, moments)
        window.clear()
    return found


def report(rows: dict[str, Steps]) -> None:
    print(f"\n{'one step, six cameras':<40}{'median ms':>10}{'p90 ms':>8}{'CPU ms':>8}")
    for name, steps in rows.items():
        p90 = steps.wall[int(0.9 * (len(steps.wall) - 1))]
        print(f"{name:<40}{statistics.median(steps.wall):>10.0f}{p90:>8.0f}{steps.cpu:>8.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000, help="length of the long videos")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--alternatives", action="store_true", help="also other ways to draw")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NAPARI_CONFIG"] = str(folder / "napari.yaml")
        write_clip(folder / "short.mp4", 100)
        repeat_clip(folder / "short.mp4", folder / "long.mp4", chosen.frames)
        short = make_recording(folder / "short", folder / "short.mp4")
        long = make_recording(folder / "long", folder / "long.mp4")
        window = Window()
        load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
        print(f"{platform.platform()}, {os.cpu_count()} CPUs, load {load:.1f}")
        first = measure_opening(window, short)
        window.clear()
        print(f"open, first ever (short videos): layers {first[0]:.2f} s, drawn {first[1]:.2f} s")
        again = measure_opening(window, long)
        print(f"open 6 x {chosen.frames} frames: layers {again[0]:.2f} s, drawn {again[1]:.2f} s")
        window.clear()
        moments = range(1000, 1000 + chosen.steps) if chosen.frames > 2000 else range(chosen.steps)
        rows = measure_panel(window, long, make_poses(chosen.frames), moments)
        if chosen.alternatives:
            rows.update(measure_alternatives(window, long, make_poses(chosen.frames), moments))
        report(rows)
        window.viewer.close()


if __name__ == "__main__":
    main()
