"""What napari calls to save points layers of ours.

* ``.mat``: the poses behind one points layer, all frames, as ``save_data_AVG.mat`` of DANNCE.
* ``.npz``: the 2D keypoints as they are on screen now, of one or several cameras (select several
  layers): ``points`` (camera, frame, animal, keypoint, xy) px, which the program reads back and
  triangulates.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_sdannce.overlay.marks import Marks
    from napari_sdannce.widgets.layer_data import LayerData
    from napari_sdannce.widgets.recording_layers import LayerOrigin

NOT_OURS = (
    "this points layer does not belong to a recording; only keypoints shown by napari-sdannce can "
    "be written in this format (choose .csv for other points)"
)


def write_poses(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Write the poses that a points layer shows, all frames, as DANNCE's predictions.

    Raises
    ------
    ValueError
        When the layer is not one of ours, or shows labels and not poses.
    FileExistsError
        When the file exists: nothing is ever overwritten here.
    """
    from napari_sdannce.files.pose_mat import write_poses as write
    from napari_sdannce.poses import Poses

    source = _origin(meta).overlay.marks.source
    if not isinstance(source, Poses):
        raise ValueError(
            f"'{meta.get('name')}' shows labels, not predictions; save it as .npz, or send the "
            "frame to edit and save it as labels"
        )
    return [str(write(path, source))]


def write_points(path: str, layers: list[LayerData]) -> list[str]:
    """Write the 2D keypoints that points layers show now; one layer a camera.

    Raises
    ------
    ValueError
        When a layer is not one of ours, or the layers do not belong together.
    FileExistsError
        When the file exists.
    """
    if Path(path).exists():
        raise FileExistsError(f"{path} exists; nothing was written")
    origins = [_origin(meta) for _, meta, _ in layers]
    first = origins[0]
    if any(one.overlay is not first.overlay for one in origins):
        raise ValueError("the layers are not of one set of keypoints; select only one set")
    cameras = [one.camera for one in origins]
    if len(set(cameras)) != len(cameras):
        raise ValueError("several of the layers are of one camera; select one layer a camera")
    seen = {camera: first.shown.frame_of(camera) for camera in cameras}
    frames = sorted({frame for frame in seen.values() if frame is not None})
    if len(frames) != 1 or None in seen.values():
        each = ", ".join(f"{camera} {frame}" for camera, frame in seen.items())
        raise ValueError(f"an .npz holds one frame number for all cameras, but they show {each}")
    skeleton = first.overlay.marks.skeleton
    points = [_on_screen(np.asarray(data), meta, first.overlay.marks) for data, meta, _ in layers]
    np.savez(
        path,
        points=np.stack(points)[:, None],
        cameras=np.array(cameras),
        keypoints=np.array(skeleton.keypoints),
        animals=np.array(first.overlay.marks.animals),
        frames=np.array(frames),
        edges=np.array(skeleton.bones, dtype=np.int64).reshape(-1, 2),
    )
    return [path]


def _origin(meta: dict[str, Any]) -> LayerOrigin:
    """Where a layer of ours comes from."""
    from napari_sdannce.widgets.layer_data import METADATA_KEY
    from napari_sdannce.widgets.recording_layers import LayerOrigin

    origin = meta.get("metadata", {}).get(METADATA_KEY)
    if not isinstance(origin, LayerOrigin):
        raise ValueError(f"'{meta.get('name')}': {NOT_OURS}")
    return origin


def _on_screen(
    data: npt.NDArray[np.float64], meta: dict[str, Any], marks: Marks
) -> npt.NDArray[np.float64]:
    """(A, K, 2) px (x, y), NaN where nothing shows; a person's point goes before a computed one."""
    from napari_sdannce.widgets.axes import to_napari

    points = np.full((len(marks.animals), len(marks.skeleton.keypoints), 2), np.nan)
    features = meta["features"]
    shown = np.broadcast_to(meta["shown"], len(data))
    for row in np.flatnonzero(shown)[::-1]:
        animal = marks.animals.index(features["animal"].iloc[row])
        keypoint = marks.skeleton.keypoints.index(features["keypoint"].iloc[row])
        points[animal, keypoint] = to_napari(data[row])
    return points
