"""The two recordings of a board, what was found in them, and copies that others can read."""

from __future__ import annotations

import csv
import os
import shutil
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np

from napari_sdannce.files.caliscope import read_caliscope
from napari_sdannce.files.opencv_lens import opencv_coefficients

from .job import Board, Lens, Sighting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SHARED = Path(os.environ.get("SDANNCE_SHARED", Path(__file__).parents[2].parent / "shared"))

LAYOUTS = ("yuv420p", "gray")
"""Grey as caliscope takes it, which reads luma planes alone, and as anybody does."""


@dataclass(frozen=True)
class Recording:
    """Videos or stills of a board by several cameras.

    Parameters
    ----------
    title
        In words.
    board
        The board.
    names, image_sizes
        Cameras, (width, height) px.
    source
        Folder to calibrate from.
    even
        The same of even moments alone.
    videos
        What a program reads that knows of printed boards of all kinds.
    plain_videos
        What a program reads that knows of black on white alone.
    timestamps
        Times of the frames, None where frames of one number are of one moment.
    sightings
        What one detector, the same for all, found.
    known
        File of lenses that were measured before, None without.
    """

    title: str
    board: Board
    names: list[str]
    image_sizes: list[list[int]]
    source: Path
    even: Path
    videos: list[str]
    plain_videos: list[str]
    timestamps: str | None
    sightings: list[Sighting]
    known: Path | None

    @property
    def lenses(self) -> list[Lens] | None:
        if self.known is None:
            return None
        cameras = read_caliscope(self.known).cameras
        return [
            Lens(camera.matrix.tolist(), list(opencv_coefficients(camera))) for camera in cameras
        ]


def webcams(scratch: Path) -> Recording:
    """A board in front of four webcams, 111 frames each, found by caliscope's detector."""
    source = SHARED / "data" / "charuco4cam"
    names = [f"cam_{i}" for i in range(4)]
    videos = [source / f"{name}.mp4" for name in names]
    even, plain = scratch / "even", scratch / "negated"
    for name, video in zip(names, videos, strict=True):
        write_lossless(even / f"{name}.avi", (image for i, image in frames(video) if i % 2 == 0))
        write_lossless(plain / f"{name}.avi", (255 - image for _, image in frames(video)))
    return Recording(
        "Four webcams, 111 frames (charuco4cam)",
        Board(4, 5, 54.0, 40.5, "DICT_4X4_1000", inverted=True),
        names,
        [[1280, 720]] * 4,
        source,
        even,
        [str(video) for video in videos],
        [str(plain / f"{name}.avi") for name in names],
        str(source / "timestamps.csv"),
        golden_sightings(),
        source / "given_intrinsics.toml",
    )


def stills(scratch: Path) -> Recording:
    """A board in a cage, 21 stills of each of four cameras, found by OpenCV's detector."""
    source = SHARED / "data" / "mouse4cam" / "board"
    names = ["back", "mid", "side", "top"]
    board = Board(8, 11, 24.0, 18.75, "DICT_4X4_1000", inverted=False)
    even, sightings = scratch / "even", []
    videos, plain = ([str(scratch / kind / f"{name}.avi") for name in names] for kind in LAYOUTS)
    for view, name in enumerate(names):
        paths = sorted((source / name).glob("*.jpg"), key=lambda p: int(p.stem.split("-")[-1]))
        (even / name).mkdir(parents=True)
        for path in paths[::2]:
            shutil.copy(path, even / name)
        images = [cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) for path in paths]
        for video, layout in zip((videos[view], plain[view]), LAYOUTS, strict=True):
            write_lossless(Path(video), images, layout)
        sightings += found_by_opencv(board, view, images)
    return Recording(
        "Four cameras of a mouse cage, 21 stills (mouse4cam)",
        board,
        names,
        [[1280, 1024]] * 4,
        source,
        even,
        videos,
        plain,
        None,
        sightings,
        None,
    )


def golden_sightings() -> list[Sighting]:
    """Corners that caliscope's detector found in the videos of the webcams."""
    table = SHARED / "golden" / "calibration" / "calidet_charuco_calibration.csv"
    found: dict[tuple[int, int], list[tuple[int, list[float]]]] = defaultdict(list)
    with table.open(newline="") as file:
        for row in csv.DictReader(file):
            corner = [float(row["img_loc_x"]), float(row["img_loc_y"])]
            key = int(row["cam_id"]), int(row["sync_index"])
            found[key].append((int(row["keypoint_id"]), corner))
    return [
        Sighting(*key, [i for i, _ in corners], [corner for _, corner in corners])
        for key, corners in sorted(found.items())
    ]


def found_by_opencv(board: Board, view: int, images: list[np.ndarray]) -> list[Sighting]:
    """Corners that OpenCV's detector finds as it comes."""
    markers = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    size = (board.squares_across, board.squares_down)
    printed = cv2.aruco.CharucoBoard(size, board.square_mm, board.marker_mm, markers)
    detector, sightings = cv2.aruco.CharucoDetector(printed), []
    for moment, image in enumerate(images):
        corners, ids, _, _ = detector.detectBoard(image)
        if ids is not None and len(ids) >= 4:
            corners = np.asarray(corners, dtype=float).reshape(-1, 2)
            sightings.append(Sighting(view, moment, np.ravel(ids).tolist(), corners.tolist()))
    return sightings


def frames(video: Path) -> Iterator[tuple[int, np.ndarray]]:
    """Number and grey image of each frame."""
    with av.open(str(video)) as file:
        for i, frame in enumerate(file.decode(video=0)):
            yield i, frame.to_ndarray(format="gray")


def write_lossless(path: Path, images: Iterable[np.ndarray], layout: str = "gray") -> None:
    """Grey images as a video, six a second; of ``yuv420p`` they are the luma plane as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("ffv1", rate=6)
        stream.pix_fmt = layout
        for image in images:
            height, width = image.shape
            if not stream.is_open:
                stream.height, stream.width = height, width
            if layout == "yuv420p":
                image = np.vstack([image, np.full((height // 2, width), 128, np.uint8)])
            file.mux(stream.encode(av.VideoFrame.from_ndarray(image, format=layout)))
        file.mux(stream.encode())
