"""Small files of our own, and fuzzing: mutated structures and bytes, read in a separate process."""

from __future__ import annotations

import copy
import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from napari_sdannce.files.mat_values import cell_column, cell_row
from napari_sdannce.geometry import Camera

CHILD = Path(__file__).with_name("fuzz_child.py")
SECONDS = 20.0
EXAMPLES = int(os.environ.get("SDANNCE_FUZZ_EXAMPLES", "30"))


SETTINGS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="SDANNCE_FUZZ_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
SETTINGS_HDF5 = settings(SETTINGS, max_examples=max(EXAMPLES // 4, 1))


@pytest.fixture(scope="session")
def fisheye() -> Camera:
    """A fisheye, turned and moved."""
    turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6]])
    matrix = np.array([[310.0, 0, 320], [0, 312, 256], [0, 0, 1]])
    lens = [0.03, -0.012, 0.006, -0.002]
    return Camera(
        "wide", matrix, turn, np.array([5.0, -7, 90]), lens, image_size=(640, 512), fisheye=True
    )


class SmallFiles:
    """Contents of small MATLAB files, from first principles: three cameras in MATLAB's way."""

    cameras = ("left", "right", "top_view")
    keypoints = 4
    frames = 3

    @staticmethod
    def params() -> list[dict[str, Any]]:
        """K, r, t of cameras that look at the origin from 900 mm away; the last has three terms."""
        found = []
        for i, degrees in enumerate((0.0, 70.0, 160.0)):
            a = np.radians(degrees)
            rotation = np.array([[np.cos(a), -np.sin(a), 0], [0, 0, -1], [np.sin(a), np.cos(a), 0]])
            found.append(
                {
                    "K": np.array([[900.0 + i, 0, 0], [0.5 * i, 910, 0], [321.5, 240.25, 1]]),
                    "RDistort": np.array([[-0.1, 0.02, 0.003][: 3 if i == 2 else 2]]),
                    "TDistort": np.array([[1e-3, -2e-3]]) if i else np.zeros((1, 2), np.uint8),
                    "r": rotation.T.copy(),
                    "t": np.array([[1.0 + i, 2, 900]]),
                }
            )
        return found

    @staticmethod
    def project(params: dict[str, Any], xyz: np.ndarray) -> np.ndarray:
        """Rows of world points (N, 3) to pixels, by the row-vector rule and the lens polynomial."""
        in_camera = xyz @ params["r"] + params["t"]
        x, y = (in_camera[:, :2] / in_camera[:, 2:]).T
        k1, k2, k3 = [*params["RDistort"].ravel(), 0.0][:3]
        p1, p2 = params["TDistort"].ravel().astype(float)
        q = x * x + y * y
        radial = 1 + k1 * q + k2 * q**2 + k3 * q**3
        bent = np.stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (q + 2 * x * x),
                y * radial + p1 * (q + 2 * y * y) + 2 * p2 * x * y,
                np.ones_like(x),
            ],
            axis=1,
        )
        return (bent @ params["K"])[:, :2]

    def points(self) -> np.ndarray:
        """(frames, keypoints, 3) mm; one keypoint of the last frame is missing."""
        points = np.random.default_rng(3).uniform(-80, 80, (self.frames, self.keypoints, 3))
        points[-1, 1] = np.nan
        return points

    def frame_table(self, params: dict[str, Any], frames: np.ndarray) -> dict[str, Any]:
        """One camera's ``labelData``."""
        points = self.points()
        pixels = self.project(params, points.reshape(-1, 3))
        return {
            "data_2d": pixels.reshape(len(points), -1),
            "data_3d": points.reshape(len(points), -1),
            "data_frame": frames.astype(np.uint16)[:, None],
            "data_sampleID": (frames.astype(np.int32) * 10 + 1)[None],
        }

    @staticmethod
    def sync_table(n: int = 20) -> dict[str, Any]:
        return {
            "data_2d": np.zeros((n, 4), dtype=np.uint8),
            "data_3d": np.zeros((n, 6), dtype=np.uint8),
            "data_frame": np.arange(n, dtype=np.int32)[None],
            "data_sampleId": np.zeros((0, 0), dtype=np.uint8),
            "data_sampleID": np.arange(n, dtype=np.int32)[None] * 10 + 1,
        }

    def dannce(self) -> dict[str, Any]:
        """A ``*_dannce.mat``."""
        params = self.params()
        labelled = np.array([2, 7, 11])
        return {
            "params": cell_column(params),
            "labelData": cell_column([self.frame_table(each, labelled) for each in params]),
            "sync": cell_column([self.sync_table() for _ in params]),
            "camnames": cell_row(list(self.cameras)),
            "com": {
                "com3d": np.arange(60.0).reshape(20, 3),
                "sampleID": np.arange(20, dtype=np.int32)[None] * 10 + 1,
            },
        }

    def label3d(self) -> dict[str, Any]:
        """A ``*_Label3D.mat``; the first keypoint of the first frame is placed by hand."""
        params, points = self.params(), self.points()
        status = np.full((4, 3, 3), 2, dtype=np.uint8)
        status[1, :, -1] = 0
        by_hand = np.full((4, 3, 2, 3), np.nan)
        by_hand[0, :, :, 0] = [self.project(each, points[0, :1])[0] + 0.5 for each in params]
        return {
            "data_3D": points.reshape(3, -1),
            "status": status,
            "skeleton": self.skeleton(),
            "imageSize": np.array([[480, 640], [480, 640], [600, 800]], dtype=np.uint16),
            "handLabeled2D": by_hand,
            "camParams": cell_column(params),
            "sync": cell_column([self.sync_table() for _ in params]),
            "framesToLabel": np.array([[3, 8, 12]], dtype=np.uint8),
        }

    @staticmethod
    def skeleton() -> dict[str, Any]:
        """A skeleton ``.mat``."""
        return {
            "joint_names": cell_row(["Nose", "EarL", "EarR", "Tail"]),
            "joints_idx": np.array([[1, 2], [1, 3], [1, 4]], dtype=np.uint8),
            "color": np.linspace(0, 1, 12).reshape(3, 4),
        }

    @staticmethod
    def com() -> dict[str, Any]:
        """A ``com3d.mat`` of two animals."""
        return {
            "com": np.arange(24.0).reshape(4, 3, 2),
            "sampleID": np.arange(4)[None],
            "metadata": {"camnames": np.array(["left", "right"]), "loss": cell_row(["a", "b"])},
        }

    @staticmethod
    def poses() -> dict[str, Any]:
        """A ``save_data_AVG0.mat`` of two animals with four keypoints."""
        return {
            "pred": np.arange(96.0).reshape(4, 2, 3, 4),
            "data": np.zeros((4, 2, 3, 4)),
            "p_max": np.arange(32.0).reshape(4, 2, 4),
            "sampleID": np.arange(4.0)[None] + 5,
        }

    @staticmethod
    def pickled_com(count: int = 3) -> dict[str, Any]:
        """The content of a ``com3d.pickle`` of three cameras and so many moments."""
        moments = {}
        for i in range(count):
            moment: dict[str, Any] = {
                name: {"pred_max": np.float32(0.3 * (c + 1)), "COM": np.zeros(2, np.float32)}
                for c, name in enumerate(("a", "b", "c"))
            }
            pairs = {"a_b": [1.0, 2, 3], "a_c": [3.0, 4, 5], "b_c": [8.0, 9, 10]}
            moment["triangulation"] = {key: np.array(xyz) + i for key, xyz in pairs.items()}
            moments[f"0_{10 * i + 1}"] = moment
        return moments


@pytest.fixture(scope="session")
def small() -> SmallFiles:
    """Contents of small files of our own."""
    return SmallFiles()


class Child:
    """A process that reads files, started anew after it died or hung."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.answers: queue.Queue[str] = queue.Queue()

    def start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, str(CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
        )
        answers: queue.Queue[str] = queue.Queue()

        def listen() -> None:
            assert process.stdout is not None
            for line in process.stdout:
                answers.put(line)
            answers.put("")

        threading.Thread(target=listen, daemon=True).start()
        self.process, self.answers = process, answers
        return process

    def ask(self, job: dict[str, Any]) -> tuple[str, str]:
        process = self.process or self.start()
        assert process.stdin is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        try:
            # the first answer waits for the child's imports, too
            line = self.answers.get(timeout=SECONDS)
        except queue.Empty:
            self.stop()
            return "hung", f"no answer within {SECONDS} s"
        if not line:
            code = process.wait()
            self.stop()
            return "died", f"exit status {code}"
        answer = json.loads(line)
        return answer["outcome"], answer["detail"]

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for stream in (self.process.stdin, self.process.stdout):
                if stream is not None:
                    stream.close()
            self.process = None


class Fuzz:
    """What a fuzz test needs: mutations to draw, and a reader that may crash."""

    settings = SETTINGS
    # every HDF5 file is tried in a process of its own first, which takes its time
    settings_hdf5 = SETTINGS_HDF5

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.child = Child()
        self.counts: dict[str, int] = {}

    def path(self, name: str) -> Path:
        """A file to write to; the one of the last example is removed."""
        path = self.folder / name
        path.unlink(missing_ok=True)
        return path

    def check(self, reader: str, path: Path, **options: Any) -> str:
        """Read the file with ``module:function``; fail unless read, or refused as documented."""
        job = {"reader": reader, "path": str(path), "options": options}
        outcome, detail = self.child.ask(job)
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        if outcome not in ("read", "refused") and path.is_file():
            shutil.copy(path, path.with_name(f"failed-{path.name}"))
        assert outcome in ("read", "refused"), f"{reader} {outcome}: {detail}"
        return outcome

    def damaged(self, content: bytes) -> st.SearchStrategy[bytes]:
        """The bytes cut off somewhere, with some changed, or with a piece doubled or left out."""
        return _damaged(content)

    def changed(self, structure: Any) -> st.SearchStrategy[Any]:
        """The structure (dicts, lists, arrays, numbers, text) with one to three places changed."""
        return _changed(structure)


@pytest.fixture(scope="session")
def fuzz(tmp_path_factory: pytest.TempPathFactory):
    """Mutations, and a child process with limited memory and time to read their results."""
    found = Fuzz(tmp_path_factory.mktemp("fuzz"))
    yield found
    found.child.stop()


class Damaged(bytes):
    """Damaged content, which hypothesis would print in full."""

    def __repr__(self) -> str:
        return f"<{len(self)} damaged bytes>"


@st.composite
def _damaged(draw: st.DrawFn, content: bytes) -> bytes:
    return Damaged(_damage(draw, content))


def _damage(draw: st.DrawFn, content: bytes) -> bytes:
    data = bytearray(content)
    last = max(len(data) - 1, 0)
    kind = draw(st.sampled_from(["cut", "flip", "flip", "word", "double", "drop"]))
    at = draw(st.integers(0, last))
    if kind == "cut":
        return bytes(data[:at])
    if kind in ("flip", "word"):
        for _ in range(draw(st.integers(1, 6))):
            at = draw(st.integers(0, last) | st.integers(0, min(last, 1200)))
            if kind == "flip":
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            else:
                word = draw(st.sampled_from([0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 14, 15]))
                data[at : at + 4] = word.to_bytes(4, "little")
        return bytes(data)
    size = draw(st.integers(1, 64))
    if kind == "double":
        data[at:at] = data[at : at + size]
    else:
        del data[at : at + size]
    return bytes(data)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of everything inside a structure."""
    found: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    elif isinstance(value, np.ndarray) and value.dtype == object:
        items = [(index, value[index]) for index in np.ndindex(value.shape)]
    else:
        items = []
    for key, item in items:
        found.append((*path, key))
        found += _places(item, (*path, key))
    return found


@st.composite
def _changed(draw: st.DrawFn, structure: Any) -> Any:
    changed = copy.deepcopy(structure)
    for _ in range(draw(st.integers(1, 3))):
        places = _places(changed)
        if not places:
            break
        *way, key = draw(st.sampled_from(places))
        holder = changed
        for step in way:
            holder = holder[step]
        if isinstance(holder, dict | list) and draw(st.integers(0, 3)) == 0:
            del holder[key]
            continue
        if isinstance(holder, dict) and draw(st.integers(0, 7)) == 0:
            holder["unknown_field"] = draw(_values())
            continue
        holder[key] = draw(_changed_value(holder[key]))
    return changed


def _values() -> st.SearchStrategy[Any]:
    """Values that do not belong there."""
    fixed = [
        "text", "", np.zeros((0, 0)), np.full((1, 3), np.nan), np.array([[np.inf]]),
        np.array([[1e300]]), np.array([[-5.0]]), np.array([[2**63 - 1]]), np.zeros((2, 3, 4)),
        np.array([[True]]), np.array([[1 + 2j]]), np.ones((1, 1), dtype=np.uint8), {},
        {"a": np.ones((1, 1))},
    ]  # fmt: skip
    return st.sampled_from(fixed).map(copy.deepcopy)


@st.composite
def _changed_value(draw: st.DrawFn, value: Any) -> Any:
    if not isinstance(value, np.ndarray) or draw(st.integers(0, 4)) == 0:
        return draw(_values())
    numeric = value.dtype.kind in "biuf"
    ways = ["turn", "flat", "shorter", "longer", "wrapped", "extra axis"]
    if numeric:
        ways += ["type", "nan", "number", "scaled"]
    way = draw(st.sampled_from(ways))
    if way == "turn":
        return value.T.copy()
    if way == "flat":
        return value.reshape(-1).copy()
    if way == "extra axis":
        return value[..., None].copy()
    if way == "shorter":
        return value[: draw(st.integers(0, max(len(value) - 1, 0)))].copy() if value.ndim else value
    if way == "longer":
        return np.concatenate([value, value], axis=draw(st.integers(0, max(value.ndim - 1, 0))))
    if way == "wrapped":
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = value
        return cell
    return draw(_changed_numbers(value, way))


@st.composite
def _changed_numbers(draw: st.DrawFn, value: np.ndarray, way: str) -> np.ndarray:
    if way == "type":
        with np.errstate(all="ignore"):
            small = np.nan_to_num(value.astype(np.float64), nan=0, posinf=0, neginf=0) % 128
        return small.astype(draw(st.sampled_from(["u1", "i2", "i4", "f4", "f8", "u8"])))
    changed = value.astype(np.float64)
    if way == "scaled":
        factor = draw(st.sampled_from([-1.0, 0.0, 1e-30, 1e12, 1e200]))
        with np.errstate(all="ignore"):
            return changed * factor
    if changed.size:
        at = draw(st.integers(0, changed.size - 1))
        number = np.nan if way == "nan" else draw(st.sampled_from([0.0, -1.0, 0.5, 1e18, np.inf]))
        changed.flat[at] = number
    return changed
