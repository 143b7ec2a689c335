"""Corners that another program found in the videos of `charuco4cam`, as detections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from napari_sdannce.calibration.boards.board_kinds import CharucoBoard
from napari_sdannce.calibration.detection.detections import Detections

if TYPE_CHECKING:
    from pathlib import Path

BOARD = CharucoBoard(4, 5, 54.0, 40.5, inverted=True)


def golden_corners(golden: Path) -> Detections:
    table = pd.read_csv(golden / "calibration/calidet_charuco_calibration.csv")
    sightings = table.groupby(["cam_id", "sync_index"])
    corners = np.full((len(sightings), 12, 2), np.nan)
    keys = []
    for i, (key, rows) in enumerate(sightings):
        corners[i, rows.keypoint_id] = rows[["img_loc_x", "img_loc_y"]]
        keys.append(key)
    view, moment = np.array(keys).T
    return Detections(tuple("0123"), ((1280, 720),) * 4, view, moment, corners)
