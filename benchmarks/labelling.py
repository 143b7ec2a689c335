"""A scripted labelling session: real mouse and key events in a real window, every action timed.

Run it under a display, e.g. ``xvfb-run -a -s "-screen 0 1920x1080x24" python
benchmarks/labelling.py``. Six videos (1152 x 1024, H.264, a keyframe a second) of so many frames as
are asked for; 23 keypoints of an animal are clicked in each camera of 20 frames far apart, the true
places with an error of a pixel. An action is timed until the window is drawn with what follows from
it: the position in space, its places in the other views, the table and the strip. Then frames are
stepped through and jumped to, decoding included.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from frame_step import make_poses
from long_video import FPS, HEIGHT, WIDTH, repeat_clip, write_clip
from machine import print_machine
from timing import Spent, print_table, timed

if TYPE_CHECKING:
    from collections.abc import Callable

N_CAMERAS = 6


class Student:
    """A window with the panel, and somebody who works in it."""

    def __init__(self, folder: Path) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        from napari_sdannce.skeletons import load_skeleton
        from napari_sdannce.widgets.label_3d.label_panel import LabelPanel
        from napari_sdannce.widgets.label_3d.sessions import WantedSession

        self.viewer = napari.Viewer()
        self.viewer.window.resize(1900, 1050)
        self.application = QApplication.instance()
        self.panel = LabelPanel(self.viewer)
        self.viewer.window.add_dock_widget(self.panel, name="Label in 3D", area="right")
        self.panel.open_recording(folder)
        skeleton = load_skeleton("rat23")
        self.panel.open_session(WantedSession(folder / "labels" / "a", "me", skeleton, ("rat",)))
        self.draw()
        self.work = self.panel.work
        self.desk = self.work.desk

    def draw(self) -> None:
        """Let Qt work until what was changed is drawn: labels are, within some milliseconds."""
        while True:
            self.application.processEvents()
            work = self.panel.work
            if work is None or not work._draw.isActive():
                break
        self.application.processEvents()

    def click(self, view: int, pixel: Any) -> None:
        from qtpy.QtCore import QPoint, Qt
        from qtpy.QtTest import QTest

        one = self.work.views.cameras[view]
        native, camera = one.place.native, one.model.scene.camera
        x = (pixel[0] - camera.center[2]) * camera.zoom + native.width() / 2
        y = (pixel[1] - camera.center[1]) * camera.zoom + native.height() / 2
        place = QPoint(round(x), round(y))
        button, nothing = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QTest.mouseMove(native, place)
        QTest.mouseClick(native, button, nothing, place)
        self.draw()

    def press(self, key: Any) -> None:
        from qtpy.QtTest import QTest

        QTest.keyClick(self.work.views.cameras[0].place.native, key)
        self.draw()


def make_experiment(folder: Path, n_frames: int) -> tuple[Any, Any]:
    """Videos, calibration; the cameras, and the pose (23, 3) mm."""
    from napari_sdannce.files.anipose import write_anipose
    from napari_sdannce.synthetic import camera_ring

    cameras = camera_ring(N_CAMERAS, image_size=(WIDTH, HEIGHT))
    clip, video = folder / "clip.mp4", folder / "long.mp4"
    write_clip(clip, 2 * FPS)
    repeat_clip(clip, video, n_frames)
    for camera in cameras:
        there = folder / "experiment" / "videos" / camera.name
        there.mkdir(parents=True)
        (there / "0.mp4").hardlink_to(video)
    write_anipose(folder / "experiment" / "calibration.toml", cameras)
    return cameras, make_poses(1).positions[0, 0]


def label(student: Student, cameras: Any, pose: Any, moments: list[int]) -> list[Spent]:
    """Click every keypoint in every camera of these moments."""
    rng = np.random.default_rng(0)
    spent = []
    for moment in moments:
        student.desk.go_to(moment)
        student.draw()
        for view, camera in enumerate(cameras):
            student.desk.select(0, 0)
            for pixel in camera.project(pose) + rng.normal(0, 1, (len(pose), 2)):
                spent.append(timed(lambda view=view, pixel=pixel: student.click(view, pixel))[0])
    return spent


def percentiles(spent: list[Spent]) -> tuple[float, float, float]:
    walls = [each.wall for each in spent]
    cpu = float(np.median([each.cpu for each in spent]))
    return float(np.median(walls)), float(np.percentile(walls, 90)), cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=20, help="frames to label")
    parser.add_argument("--length", type=int, default=20_000, help="frames of the videos")
    parser.add_argument("--steps", type=int, default=30)
    arguments = parser.parse_args()
    from qtpy.QtCore import Qt

    print_machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cameras, pose = make_experiment(folder, arguments.length)
        opened, student = timed(lambda: Student(folder / "experiment"))
        moments = np.linspace(0, arguments.length - 200, arguments.frames).astype(int).tolist()
        clicks = label(student, cameras, pose, moments)
        complete = sum(bool(student.desk.session.solution(key).complete.all())
                       for key in student.desk.session.frames)  # fmt: skip
        found = np.nanmean([
            np.linalg.norm(student.desk.session.solution(key).points_3d[0] - pose, axis=-1)
            for key in student.desk.session.frames
        ])  # fmt: skip

        def timed_each(work: Callable[[Any], object], over: list[Any]) -> list[Spent]:
            return [timed(lambda each=each: work(each))[0] for each in over][2:]

        steps = timed_each(lambda _: student.press(Qt.Key.Key_Right), list(range(arguments.steps)))
        back = timed_each(lambda _: student.press(Qt.Key.Key_Left), list(range(arguments.steps)))

        def jump(moment: int) -> None:
            student.desk.go_to(moment)
            student.draw()

        rng = np.random.default_rng(1)
        places = rng.integers(0, arguments.length - 1, arguments.steps).tolist()
        jumps = timed_each(jump, places)
        student.desk.video.prefetch(moments[:8])
        student.desk.video.wait_for_prefetch()
        ready = [timed(lambda m=m: jump(m))[0] for m in moments[:8]]
        student.press(Qt.Key.Key_M)
        alone = timed_each(lambda _: student.press(Qt.Key.Key_Right), list(range(arguments.steps)))
        student.panel.close_session()
        student.viewer.close()
    print(f"{complete} of {len(moments)} frames are complete, {found:.2f} mm off in the mean; "
          f"the panel opens in {opened.wall / 1e3:.1f} s\n")  # fmt: skip
    print_table(
        ("action", "median ms", "90 % ms", "CPU ms"),
        [
            (f"click ({len(clicks)})", *percentiles(clicks)),
            ("next frame", *percentiles(steps)),
            ("frame before", *percentiles(back)),
            ("jump to any frame", *percentiles(jumps)),
            ("jump to a frame decoded ahead", *percentiles(ready)),
            ("next frame, one camera shown", *percentiles(alone)),
        ],
    )


if __name__ == "__main__":
    main()
