"""Label files of real work: opened, edited, exported, opened again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.files import open_labels, open_recording
from napari_sdannce.labeling import commands
from napari_sdannce.labeling.depth_guess import NoDepthError, guess_depth
from napari_sdannce.labeling.export import Incomplete, export_dannce, export_label3d
from napari_sdannce.labeling.importing import frames_of
from napari_sdannce.labeling.session_folder import create_session, open_session
from napari_sdannce.labels import LabelState
from napari_sdannce.recording import Sync

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.realdata

FILES = (
    "labels1.mat",
    "labels2.mat",
    "markerless_mouse_1_dannce.mat",
    "test_social_com_dannce.mat",
    "test_social_dannce_dannce.mat",
)


@pytest.mark.parametrize("name", FILES)
def test_files_are_opened_edited_and_saved(shared_data: Path, tmp_path: Path, name: str) -> None:
    theirs = tmp_path / name
    shutil.copy(shared_data / "label3d" / name, theirs)
    before = theirs.read_bytes()
    labels = open_labels(theirs)
    recording = open_recording(theirs)
    if recording.sync is None:  # else the videos, which are not here, say how many frames there are
        recording = replace(recording, sync=Sync.identity(3, len(recording.views)))
    (tmp_path / "out").mkdir()
    path = tmp_path / "labels" / "mine"
    moved = np.array([3.0, -2.0])
    with create_session(path, recording, labels.skeleton, labels.animals, "anna") as folder:
        session = folder.session
        session.change(f"labels of {name}", frames_of(labels, session.subject))
        # what was known in space stays where it was: to the pixel, not bit by bit
        known = np.isfinite(labels.points_3d).all(axis=-1)
        again = session.labels()
        assert set(again.sample_ids) <= set(labels.sample_ids)
        key = int(again.sample_ids[0])
        row = int(np.flatnonzero(labels.sample_ids == key)[0])
        same = np.isfinite(again.points_3d[0]).all(axis=-1) & known[row]
        assert same.sum() >= known[row].sum()
        away = np.linalg.norm(again.points_3d[0] - labels.points_3d[row], axis=-1)[same]
        assert np.median(away) < 1.0
        animal, keypoint = np.argwhere(same)[0].tolist()
        place = session.solution(key).points[0, animal, keypoint] + moved
        changed = commands.place(session.at(key), 0, animal, keypoint, place, session.by)
        session.change("move", {key: changed})
    assert theirs.read_bytes() == before
    with open_session(path, recording, "bert") as folder:
        session = folder.session
        assert session.at(key).states[0, animal, keypoint] == LabelState.HUMAN
        np.testing.assert_array_equal(session.at(key).points[0, animal, keypoint], place)
        state = export_label3d(session, recording, tmp_path / "out")
        files = export_dannce(session, recording, tmp_path / "out", incomplete=Incomplete.IN_PART)
        expected = session.labels()
    reopened = open_labels(state, skeleton=expected.skeleton, animals=expected.animals)
    shown = [list(reopened.sample_ids).index(each) for each in expected.sample_ids]
    np.testing.assert_allclose(
        reopened.points_3d[shown], expected.points_3d, atol=1e-3, equal_nan=True
    )
    assert len(files) >= 1
    for file in files:
        assert np.isfinite(open_labels(file).points_3d).any()


def test_bones_of_a_real_mouse_tell_the_depth_of_a_single_click(
    shared_data: Path, tmp_path: Path
) -> None:
    """81 frames that people labelled: one keypoint at a time is left with a click in one view."""
    theirs = shared_data / "label3d" / "markerless_mouse_1_dannce.mat"
    labels, recording = open_labels(theirs), open_recording(theirs)
    rng = np.random.default_rng(0)
    apart, firsts = [], []
    with create_session(
        tmp_path / "mine", recording, labels.skeleton, labels.animals, "anna"
    ) as folder:
        session = folder.session
        session.change("labels", frames_of(labels, session.subject))
        n_views, _, n_keypoints = session.subject.shape
        for key in sorted(session.frames):
            before, solution = session.at(key), session.solution(key)
            for keypoint in rng.permutation(n_keypoints)[:2].tolist():
                truth, view = solution.points_3d[0, keypoint], int(rng.integers(n_views))
                pixel = solution.projected[view, 0, keypoint] + rng.normal(0, 1.0, 2)
                if not solution.complete[0, keypoint]:
                    continue
                left = commands.clear(before, slice(None), 0, keypoint)
                left = commands.place(left, view, 0, keypoint, pixel, session.by)
                session.frames[key] = left
                try:
                    places = guess_depth(session, key, 0, keypoint).places
                except NoDepthError:
                    continue  # no neighbour was labelled
                finally:
                    session.frames[key] = before
                away = [float(np.linalg.norm(place.point - truth)) for place in places]
                apart.append(away[0])
                firsts += [away[0] == min(away)] if len(away) > 1 else []
    assert len(apart) > 120
    assert np.median(apart) < 2.0
    assert np.mean(firsts) > 0.75
