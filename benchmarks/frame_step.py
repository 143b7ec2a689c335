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
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from long_video import HEIGHT, WIDTH, repeat_clip, write_clip
from machine import print_machine
from timing import Clock, Spent, median, print_table, timed

if TYPE_CHECKING:
    from collections.abc import Callable

N_CAMERAS = 6
Steps = dict[str, list[Spent]]


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

    def steps(self, go: Callable[[int], object], moments: range) -> list[Spent]:
        """Time each step until it is drawn; the first two are left out."""

        def step(moment: int) -> None:
            go(moment)
            self.draw()

        return [timed(lambda moment=moment: step(moment))[0] for moment in moments][2:]

    def grid(self) -> None:
        """One layer a cell."""
        self.viewer.canvas.grid.stride, self.viewer.canvas.grid.enabled = 1, True
        self.draw()

    def clear(self) -> None:
        self.viewer.layers.clear()
        self.draw()


def add_long(window: Window, folder: Path, clip: Path) -> None:
    """Show a recording that has not been opened before."""
    from napari_sdannce.widgets import add_recording

    add_recording(window.viewer, make_recording(folder, clip))


def add_arrays(window: Window) -> None:
    """What napari takes by itself: as many images of the same size, two frames in memory."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
    for _ in range(N_CAMERAS):
        window.viewer.add_image(frames, rgb=True, contrast_limits=(0, 255))
    window.grid()


def measure_opening(
    window: Window, ways: dict[str, Callable[[], object]], rounds: int
) -> list[tuple[object, ...]]:
    """Time until the layers are there, and until they are drawn; the ways take turns."""
    added: dict[str, list[Spent]] = {name: [] for name in ways}
    drawn: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, way in ways.items():
            clock = Clock()
            way()
            added[name].append(clock.read())
            window.draw()
            drawn[name].append(clock.read())
            window.clear()
    # the first round compiles and loads
    return [
        (name, median(added[name][1:]).wall, median(drawn[name][1:]).wall, drawn[name][0].wall)
        for name in ways
    ]


def slider(window: Window) -> Callable[[int], object]:
    return lambda moment: window.viewer.dims.set_current_step(0, moment)


def measure_panel(window: Window, recording: Any, poses: Any, moments: range) -> Steps:
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


def measure_alternatives(window: Window, recording: Any, poses: Any, moments: range) -> Steps:
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


def _points(window: Window, joints: Any, moments: range) -> Steps:
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


def _bones(window: Window, lines: Any, moments: range) -> Steps:
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


def _pushed(window: Window, recording: Any, moments: range) -> Steps:
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


def report(rows: Steps) -> None:
    """Median and 90th percentile of each way to step."""
    cells = []
    for name, steps in rows.items():
        middle, slow = median(steps), float(np.percentile([step.wall for step in steps], 90))
        cells.append((name, middle.wall, slow, middle.cpu))
    print_table((f"one step, {N_CAMERAS} cameras", "median ms", "90 % ms", "CPU ms"), cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100_000, help="length of the long videos")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--rounds", type=int, default=5, help="how often to open")
    parser.add_argument("--alternatives", action="store_true", help="also other ways to draw")
    given = parser.parse_args()
    print_machine("napari", "av", "numpy", "dask")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["NAPARI_CONFIG"] = str(folder / "napari.yaml")
        write_clip(folder / "short.mp4", 100)
        repeat_clip(folder / "short.mp4", folder / "long.mp4", given.frames)
        long = make_recording(folder / "long", folder / "long.mp4")
        window = Window()
        opened = measure_opening(
            window,
            {
                "napari, arrays in memory": lambda: add_arrays(window),
                "100 frames": lambda: add_long(window, folder / "short", folder / "short.mp4"),
                f"{given.frames} frames": lambda: add_long(
                    window, folder / "long", folder / "long.mp4"
                ),
            },
            given.rounds,
        )
        head = (f"open {N_CAMERAS} cameras", "layers ms", "drawn ms", "drawn, first time ms")
        print_table(head, opened)
        moments = range(1000, 1000 + given.steps) if given.frames > 2000 else range(given.steps)
        poses = make_poses(given.frames)
        rows = measure_panel(window, long, poses, moments)
        if given.alternatives:
            rows.update(measure_alternatives(window, long, poses, moments))
        report(rows)
        window.viewer.close()


if __name__ == "__main__":
    main()
