"""Distortion coefficients in OpenCV's order."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.files.opencv_lens import lens_from_opencv, opencv_coefficients
from napari_sdannce.geometry import Camera


@pytest.mark.parametrize("count", [0, 4, 5, 8, 12, 14])
def test_as_many_as_opencv_has(count):
    found = np.zeros(14)
    found[:5] = 0.1, 0.2, 0.3, 0.4, 0.5
    radial, tangential = lens_from_opencv(found[:count], fisheye=False)
    assert radial.tolist() == {0: [0, 0], 4: [0.1, 0.2]}.get(count, [0.1, 0.2, 0.5])
    assert tangential.tolist() == ([0.3, 0.4] if count else [0, 0])


def test_terms_no_camera_has_are_named():
    found = np.zeros(14)
    found[[5, 9, 13]] = 0.01, -2e-4, 0.3
    told = r"rational, thin prism, tilted.*k4 = 0.01, s2 = -0.0002, ty = 0.3"
    with pytest.raises(ValueError, match=told):
        lens_from_opencv(found, fisheye=False)
    for count, fisheye in ((3, False), (6, False), (15, False), (5, True)):
        with pytest.raises(ValueError, match=f" {count} distortion coefficients"):
            lens_from_opencv(np.zeros(count), fisheye=fisheye)


def test_there_and_back(fisheye):
    radial, tangential = lens_from_opencv(np.array(opencv_coefficients(fisheye)), fisheye=True)
    assert radial.tolist() == fisheye.radial.tolist()
    assert not tangential.any()
    assert lens_from_opencv(np.zeros(0), fisheye=True)[0].tolist() == [0, 0, 0, 0]
    straight = Camera("a", np.eye(3), np.eye(3), np.zeros(3), [1.0, 2.0, 3.0], [4.0, 5.0])
    assert opencv_coefficients(straight) == [1, 2, 4, 5, 3]
