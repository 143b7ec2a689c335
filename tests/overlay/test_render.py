from __future__ import annotations

import shutil
from fractions import Fraction

import cv2
import numpy as np
import pytest

from napari_sdannce.cli import main
from napari_sdannce.files.com_mat import write_com
from napari_sdannce.files.pose_mat import write_poses
from napari_sdannce.overlay import Overlay, PoseMarks, render, write_overlay_picture
from napari_sdannce.poses import Poses
from napari_sdannce.predictions import Job, PoseChunk, PoseStore
from napari_sdannce.settings.events import JobDone, Progress
from napari_sdannce.settings.render import RenderSettings
from napari_sdannce.video import RecordingVideo, VideoReader

KEYPOINTS = ("nose", "left", "right", "tail")
FIRST, N = 10, 12


@pytest.fixture(scope="module")
def store(disc_scene, tmp_path_factory):
    """Poses of the moments 10 to 21."""
    path = tmp_path_factory.mktemp("predictions") / "poses.zarr"
    rows = slice(FIRST, FIRST + N)
    job = Job(animals=("white", "black"), keypoints=KEYPOINTS)
    made = PoseStore.open_or_create(path, np.arange(FIRST, FIRST + N), job, chunk=N)
    chunk = PoseChunk(
        disc_scene.keypoints[rows], np.full((N, 2, 4), 0.9), disc_scene.com[rows] + (0, 0, 60)
    )
    made.write(0, chunk)
    return path


def written(recording, **settings):
    """Run a job; its video as pictures, and its frames a second."""
    *_, last = list(render(recording, RenderSettings(**settings)))
    assert isinstance(last, JobDone)
    with VideoReader(last.outputs[0]) as video:
        return [video.read(i) for i in range(video.n_frames)], video.fps


def test_a_video_has_all_predicted_moments_at_the_recordings_rate(disc_scene, store, tmp_path):
    output = tmp_path / "new" / "o.mp4"
    pictures, fps = written(disc_scene.recording, predictions=store, output=output, quality=2)
    assert len(pictures) == N
    assert Fraction(fps) == 25
    with RecordingVideo(disc_scene.recording) as video:
        opened = PoseStore.open(store)
        marks = PoseMarks(disc_scene.recording, video.sample_ids, opened.poses())
        overlay = Overlay(video, marks, opened.com())
        for i in (0, 5, N - 1):
            distances = [
                np.abs(pictures[i].astype(int) - overlay.picture(moment)).mean()
                for moment in range(FIRST + i - 1, FIRST + i + 2)
            ]
            assert int(np.argmin(distances)) == 1
            assert distances[1] < 6  # halved colours and compression


def test_any_range_can_be_shown(disc_scene, store, tmp_path):
    output = tmp_path / "o.mp4"

    def length(**settings):
        found, fps = written(
            disc_scene.recording, predictions=store, output=output, width=64, **settings
        )
        return len(found), fps

    assert length(start=0, count=5) == (5, 25)
    assert length(start=15) == (7, 25)
    assert length(start=40, count=100, fps=12.5) == (8, 12.5)
    with pytest.raises(ValueError, match="moment 30 on; the recording has 48 moments"):
        length(start=30)


def test_the_name_says_which_moments(disc_scene, store):
    *_, last = list(
        render(disc_scene.recording, RenderSettings(predictions=store.parent, width=64))
    )
    assert last.outputs == (str(store.parent / "overlay_10-21.mp4"),)


def test_labels_are_shown_one_a_second(disc_scene, tmp_path):
    output = tmp_path / "labels.mp4"
    labels = disc_scene.pose_labels[0]
    found, fps = written(disc_scene.recording, labels=labels, output=output, count=4, zoom=200)
    assert (len(found), fps) == (4, 1)


def test_files_of_the_reference_and_com_alone(disc_scene, tmp_path):
    poses = Poses(
        disc_scene.keypoints, np.full((48, 2, 4), 3.0), np.arange(48), ("a", "b"), KEYPOINTS
    )
    save = write_poses(tmp_path, poses, start=0)
    com = write_com(tmp_path, disc_scene.com, np.arange(48))[0]
    output = tmp_path / "o.mp4"
    options = {"output": output, "count": 2, "width": 160}
    assert len(written(disc_scene.recording, predictions=save, **options)[0]) == 2
    assert len(written(disc_scene.recording, com=com, **options)[0]) == 2


def test_a_picture_of_the_middle(disc_scene, store, tmp_path):
    path = tmp_path / "overlay.png"
    write_overlay_picture(disc_scene.recording, store, path)
    written_picture = cv2.imread(str(path))
    assert written_picture is not None
    with RecordingVideo(disc_scene.recording) as video:
        opened = PoseStore.open(store)
        marks = PoseMarks(disc_scene.recording, video.sample_ids, opened.poses())
        expected = Overlay(video, marks, opened.com()).picture(FIRST + N // 2)
    assert (written_picture[..., ::-1] == expected).all()


def test_what_can_not_be_drawn(disc_scene, store, tmp_path):
    recording = disc_scene.recording
    with pytest.raises(ValueError, match="say what to draw"):
        list(render(recording, RenderSettings()))
    both = RenderSettings(predictions=store, labels=disc_scene.pose_labels[0])
    with pytest.raises(ValueError, match="one of them can be drawn"):
        list(render(recording, both))
    video = recording.views[0].videos[0].path
    before = video.read_bytes()
    with pytest.raises(ValueError, match="is a video of the recording"):
        list(render(recording, RenderSettings(predictions=store, output=video)))
    assert video.read_bytes() == before


def test_a_stopped_job_leaves_no_half_video(disc_scene, store, tmp_path):
    output = tmp_path / "o.mp4"
    job = render(disc_scene.recording, RenderSettings(predictions=store, output=output))
    next(job)
    job.close()
    assert not output.exists()
    whole = list(render(disc_scene.recording, RenderSettings(predictions=store, output=output)))
    assert [event.done for event in whole if isinstance(event, Progress)][-1] == N
    assert output.exists()


def test_the_command(disc_scene, store, tmp_path, capsys):
    output = tmp_path / "o.mp4"
    folder = str(disc_scene.folder)
    names = disc_scene.recording.names
    chosen = ["--cameras", names[1], "--cameras", names[0], "--zoom", "150", "--columns", "1"]
    main(["render", folder, "--predictions", str(store), "--output", str(output), *chosen])
    with VideoReader(output) as video:
        assert (video.width, video.height, video.n_frames) == (160, 256, N)
    with pytest.raises(SystemExit, match="2"):
        main(["render", folder, "--predictions", str(store), "--cameras", "Camera9"])
    assert "no camera 'Camera9'" in capsys.readouterr().err


def test_files_are_named_from_the_folder_of_the_recording(
    disc_scene, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "exp"
    shutil.copytree(disc_scene.folder, folder)
    ids = np.arange(48)
    poses = Poses(disc_scene.keypoints, np.full((48, 2, 4), 3.0), ids, ("a", "b"), KEYPOINTS)
    (folder / "DANNCE/predict").mkdir(parents=True)
    write_poses(folder / "DANNCE/predict", poses, start=0)
    monkeypatch.chdir(tmp_path)
    options = ["--predictions", "DANNCE/predict", "--count", "2", "--width", "160"]
    main(["render", "exp", *options])
    assert list((folder / "DANNCE/predict").glob("overlay*.mp4"))
    with pytest.raises(SystemExit):
        main(["render", "exp", "--predictions", "nowhere"])
    assert f"there is no {tmp_path / 'nowhere'} or {folder / 'nowhere'}" in " ".join(
        capsys.readouterr().err.split()
    )
