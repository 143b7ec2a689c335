"""Write a scene as the recording a lab would have: videos, labels, calibration, and the truth."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.files.anipose import write_anipose
from napari_sdannce.files.com_mat import ComFile
from napari_sdannce.files.dannce_labels import dannce_from_labels
from napari_sdannce.files.dannce_mat import write_dannce
from napari_sdannce.labels import Labels, LabelState
from napari_sdannce.recording import Sync
from napari_sdannce.skeletons import load_skeleton
from napari_sdannce.synthetic.render import render_scene
from napari_sdannce.video import Encoding, VideoWriter

if TYPE_CHECKING:
    from napari_sdannce.skeletons import Skeleton
    from napari_sdannce.synthetic.scene import Scene

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_DATE = "20260101"
# the same bytes from every run: with threads, or with all its assembly, x264's choices vary
_ENCODER = {"preset": "medium", "threads": "1", "x264-params": "cpu-independent=1"}


def write_recording(
    folder: str | Path, scene: Scene, *, n_labels: int = 30, quality: int = 23
) -> Path:
    """Draw a scene and write it as a DANNCE experiment folder.

    The folder gets ``videos/<camera>/0.mp4``; one Label3D export for each animal, with `n_labels`
    frames spread over the recording, its COM trace, calibration and sync; one whose keypoints are
    the animals' COMs; ``calibration.toml``; and ``truth.npz`` with `keypoints` (T, A, 23, 3)
    mm, `com` (T, A, 3) mm (the mean of the keypoints), `visibility` (V, T, A, 23), `cameras`,
    `coats` and `fps`. Principal points and 2D labels of the ``.mat`` files count from 1, as
    Label3D's do.

    Parameters
    ----------
    quality
        Constant rate factor of x264: smaller is better and larger.

    Raises
    ------
    FileExistsError
        When the folder is there and not empty.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} is not empty; a synthetic recording needs a folder to itself"
        )
    folder.mkdir(parents=True, exist_ok=True)
    visibility = _write_videos(folder / "videos", scene, quality)
    write_anipose(folder / "calibration.toml", scene.cameras)
    _write_labels(folder, scene, visibility, n_labels)
    np.savez_compressed(
        folder / "truth.npz",
        keypoints=scene.motion.keypoints,
        com=scene.motion.com,
        visibility=visibility,
        cameras=np.array([camera.name for camera in scene.cameras]),
        coats=np.array([str(coat) for coat in scene.coats]),
        fps=np.array(scene.motion.fps),
    )
    return folder


def _write_videos(folder: Path, scene: Scene, quality: int) -> BoolArray:
    """Write the videos; returns which keypoints each camera saw, (V, T, A, K)."""
    seen = []
    with ExitStack() as stack:
        videos = []
        for camera in scene.cameras:
            assert camera.image_size is not None
            path = folder / camera.name / "0.mp4"
            path.parent.mkdir(parents=True)
            video = VideoWriter(
                path,
                *camera.image_size,
                scene.motion.fps,
                encoding=Encoding(quality=quality, options=_ENCODER),
            )
            videos.append(stack.enter_context(video))
        for frame in render_scene(scene):
            for video, image in zip(videos, frame.images, strict=True):
                video.write(image)
            seen.append(frame.visibility)
    return np.stack(seen, axis=1)


def _write_labels(folder: Path, scene: Scene, visibility: BoolArray, n_labels: int) -> None:
    n_frames = len(scene)
    sync = Sync.identity(n_frames, len(scene.cameras))
    chosen = np.unique(
        np.linspace(0, n_frames - 1, min(n_labels, n_frames)).round().astype(np.int64)
    )
    names = tuple(f"rat{i + 1}" for i in range(scene.motion.n_animals))
    skeleton = load_skeleton("rat23")
    keypoints = scene.motion.keypoints[chosen]
    for a, name in enumerate(names):
        seen = visibility[:, chosen, a][:, :, None]
        labels = _labels(scene, skeleton, (name,), chosen, keypoints[:, a : a + 1], seen)
        path = folder / f"{_DATE}_{120000 + 100 * a}_DANNCE_Label3D_{name}_dannce.mat"
        trace = ComFile(path, scene.motion.com[:, [a]], sync.sample_ids)
        write_dannce(path, dannce_from_labels(path, labels, scene.cameras, sync, com=trace))
    coms = scene.motion.com[chosen][:, :, None]
    anywhere = np.asarray(visibility[:, chosen].any(axis=-1))[..., None]
    labels = _labels(scene, load_skeleton("com"), names, chosen, coms, anywhere)
    path = folder / f"{_DATE}_{120000 + 100 * len(names)}_COM_Label3D_dannce.mat"
    write_dannce(path, dannce_from_labels(path, labels, scene.cameras, sync))


def _labels(
    scene: Scene,
    skeleton: Skeleton,
    animals: tuple[str, ...],
    frames: npt.NDArray[np.int64],
    points: FloatArray,
    seen: BoolArray,
) -> Labels:
    """Labels of some frames: points (F, A, K, 3), placed by hand where seen (V, F, A, K)."""
    views = tuple(camera.name for camera in scene.cameras)
    numbers = np.repeat(frames[None], len(views), axis=0)
    labels = Labels.empty(views, skeleton, animals, frames, numbers)
    labels.points_3d[:] = points
    for v, camera in enumerate(scene.cameras):
        labels.points_2d[v] = camera.project(points)
    labels.states[:] = np.where(seen, LabelState.HUMAN, LabelState.REPROJECTED)
    return labels
