"""The scripted functions: a recording, poses and labels as layers of a viewer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Layer

from napari_sdannce.overlay.marks import LabelMarks, Marks, PoseMarks
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.layer_data import METADATA_KEY, LayerData, image_layer_data
from napari_sdannce.widgets.recording_layers import RecordingLayers, shown_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    import dask.array

    from napari_sdannce.labels import Labels
    from napari_sdannce.poses import Poses
    from napari_sdannce.recording import Recording
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.video.pixels import Color


def add_recording(
    viewer: Any,
    recording: Recording,
    *,
    cameras: Sequence[str] | None = None,
    color: Color = "rgb",
) -> list[Layer]:
    """Show a recording: one image layer a camera, arranged in a grid.

    Frames are decoded when they come on screen; opening reads none but the first.

    Parameters
    ----------
    viewer
        A napari viewer (or a bare `ViewerModel`).
    recording
        From `open_recording`.
    cameras
        Names of the cameras to show; None: all.
    color
        ``rgb``, ``gray``, or ``auto`` for what the videos hold.

    Returns
    -------
    list of Image
        Dask layers (T, H, W) or (T, H, W, 3), T the moments of the recording; black where a camera
        has no frame.
    """
    video = open_video(recording, color)
    video.prefetch([0])
    data = image_layers_data(recording, video, cameras)
    return list(add_images(viewer, recording, video, data).images.values())


def open_video(recording: Recording, color: Color) -> RecordingVideo:
    """Open the videos of all cameras; no frame is read."""
    from napari_sdannce.video import RecordingVideo

    return RecordingVideo(recording, color=color)


def image_layers_data(
    recording: Recording, video: RecordingVideo, cameras: Sequence[str] | None = None
) -> list[LayerData]:
    """Layer data of the cameras. A camera without video is black, as large as its calibration says.

    Raises
    ------
    ValueError
        When the recording lacks one of the named cameras, or no camera has a video that can be read
        and there is no sync to say how long it was.
    """
    names = recording.names if cameras is None else recording.select(cameras).names
    if not video.n_moments:
        reasons = "; ".join(str(problem) for problem in video.all_problems)
        raise ValueError(f"{recording.folder}: no video can be shown ({reasons or 'none found'})")
    return [image_layer_data(name, camera_frames(recording, video, name)) for name in names]


def camera_frames(recording: Recording, video: RecordingVideo, name: str) -> dask.array.Array:
    """Frames of a camera, black ones when it has no video."""
    import dask.array

    view = recording.names.index(name)
    if video.sizes[view] is not None:
        return video.lazy(name)
    camera = recording.views[view].camera
    sizes = [size for size in video.sizes if size is not None]
    width, height = sizes[0] if sizes else (640, 512)
    if camera is not None:
        middle = camera.matrix[:2, 2]
        width, height = camera.image_size or (int(2 * middle[0]), int(2 * middle[1]))
    black = np.zeros((1, height, width), dtype=np.uint8)
    return dask.array.broadcast_to(black, (video.n_moments, height, width))


def add_images(
    viewer: Any, recording: Recording, video: RecordingVideo, data: list[LayerData]
) -> RecordingLayers:
    """Add image layers made by `image_layers_data` and put them in order."""
    real = napari_adapter.real_viewer(viewer)
    images: dict[str, Any] = {}
    with napari_adapter.adding_layers(real):
        for i, (frames, options, kind) in enumerate(data):
            # napari would go to the middle of the video, and read a frame there of every camera
            image = Layer.create(frames, {**options, "visible": False}, kind)
            image.name_overlay.visible = True
            # foreign layers go behind ours, or the grid's cells would not hold one camera each
            real.layers.insert(i, image)
            images[options["metadata"][METADATA_KEY]] = image
        real.dims.set_point(real.dims.ndim - 3, 0)
        for image in images.values():
            image.visible = True
        return RecordingLayers(real, with_image_sizes(recording, images), video, images)


def with_image_sizes(recording: Recording, images: dict[str, Any]) -> Recording:
    """The same recording, cameras knowing the size of their video's images."""
    views = []
    for view in recording.views:
        camera = view.camera
        if camera is not None and view.name in images:
            height, width = images[view.name].data.shape[1:3]
            camera = replace(camera, image_size=(int(width), int(height)))
        views.append(replace(view, camera=camera))
    return replace(recording, views=tuple(views))


def add_poses(
    viewer: Any,
    recording: Recording,
    poses: Poses,
    *,
    animals: Sequence[str | int] | None = None,
    keypoints: Sequence[str | int] | None = None,
    name: str = "poses",
) -> list[Layer]:
    """Draw poses over every camera, following the slider, and in a 3D view beside them.

    Keypoints are points, bones are vectors, both of the current moment only. Keypoints that are
    missing or lie outside a camera's image are hidden. The recording is shown first when it is not.

    Parameters
    ----------
    viewer
        A napari viewer (or a bare `ViewerModel`: then without the 3D view).
    recording
        The recording the poses belong to; they meet by sample id.
    poses
        From `open_predictions`, or your own.
    animals, keypoints
        Names or indices to show; None: all.
    name
        What to call them in the layer list.

    Returns
    -------
    list of Layer
        Vectors and Points of each camera.

    Raises
    ------
    ValueError
        When no sample id of the poses occurs in the recording.
    """
    shown = _shown(viewer, recording)
    marks = PoseMarks(shown.recording, shown.video.sample_ids, poses, name)
    return add_marks(shown, marks, animals, keypoints)


def add_labels(
    viewer: Any,
    recording: Recording,
    labels: Labels,
    *,
    animals: Sequence[str | int] | None = None,
    keypoints: Sequence[str | int] | None = None,
    name: str = "labels",
) -> list[Layer]:
    """Draw labels over every camera: filled what a person placed, hollow what the 3D point says.

    As `add_poses` otherwise.
    """
    shown = _shown(viewer, recording)
    marks = LabelMarks(shown.recording, shown.video.sample_ids, labels, name)
    return add_marks(shown, marks, animals, keypoints)


def add_marks(
    shown: RecordingLayers,
    marks: Marks,
    animals: Sequence[str | int] | None = None,
    keypoints: Sequence[str | int] | None = None,
) -> list[Layer]:
    """Draw marks over the cameras, and in 3D where there is a window and a calibration."""
    drawn = shown.add(marks, animals, keypoints)
    calibrated = any(view.camera is not None for view in shown.recording.views)
    if shown.scene is None and calibrated and napari_adapter.has_window(shown.viewer):
        from napari_sdannce.widgets.scene_view import show_scene

        show_scene(shown)
    return drawn.layers


def _shown(viewer: Any, recording: Recording) -> RecordingLayers:
    shown = shown_in(viewer, recording)
    if shown is None:
        add_recording(viewer, recording)
        shown = shown_in(viewer, recording)
    assert shown is not None
    return shown
