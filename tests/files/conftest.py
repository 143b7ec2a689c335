"""Fuzzing of readers: mutated structures and damaged bytes, read in a process of its own."""

from __future__ import annotations

import copy
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

CHILD = Path(__file__).with_name("fuzz_child.py")
SECONDS = 20.0
EXAMPLES = int(os.environ.get("SDANNCE_FUZZ_EXAMPLES", "60"))


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

    settings = settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize="SDANNCE_FUZZ_EXAMPLES" not in os.environ,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )

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


@st.composite
def _damaged(draw: st.DrawFn, content: bytes) -> bytes:
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
        return changed * draw(st.sampled_from([-1.0, 0.0, 1e-30, 1e12, 1e200]))
    if changed.size:
        at = draw(st.integers(0, changed.size - 1))
        number = np.nan if way == "nan" else draw(st.sampled_from([0.0, -1.0, 0.5, 1e18, np.inf]))
        changed.flat[at] = number
    return changed
