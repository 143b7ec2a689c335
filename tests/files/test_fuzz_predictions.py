"""Damaged and changed prediction stores: read, or refused with the one error."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.predictions import ComChunk, ComStore, Job, PoseChunk, PoseStore

OPENING = "napari_sdannce.predictions.opening"


def poses(path):
    job = Job(animals=("a", "b"), keypoints=("x", "y"), settings={"v": [1, 2]})
    store = PoseStore.create(path, np.arange(6), job, chunk=4)
    for moments in store.missing_chunks():
        shape = (len(moments), 2, 2)
        store.write(
            moments.start, PoseChunk(np.ones((*shape, 3)), np.ones(shape), np.ones((*shape[:2], 3)))
        )
    return path


def com(path):
    job = Job(animals=("a", "b"), cameras=("A", "B", "C"))
    store = ComStore.create(path, np.arange(6), job, chunk=4)
    for moments in store.missing_chunks():
        n = len(moments)
        peaks = np.ones((n, 3, 2, 2))
        chunk = ComChunk(np.ones((n, 2, 3)), np.ones((n, 2)), peaks, peaks[..., 0])
        store.write(moments.start, chunk)
    return path


STORES = {"open_predictions": poses, "read_com_trace": com}
WEIRD = st.sampled_from(
    [None, -1, 0, 3, 10**30, 1.5, "text", "", [], {}, [1], [[]], True, "float64", "NaN", [10**9],
     {"name": "gzip", "configuration": {"level": 5}}, {"name": "unknown"}, "c"]
)  # fmt: skip


def places(value, path=()):
    if isinstance(value, dict | list):
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield (*path, key)
            yield from places(item, (*path, key))


@pytest.mark.parametrize("reader", STORES)
def test_changed_metadata(fuzz, reader, tmp_path):
    path = STORES[reader](tmp_path / "store")
    heads = sorted(path.rglob("zarr.json"))
    assert len(heads) > 5

    @fuzz.settings
    @given(st.data())
    def check(data):
        head = data.draw(st.sampled_from(heads))
        before = head.read_bytes()
        content = json.loads(before)
        *way, key = data.draw(st.sampled_from(list(places(content))))
        holder = content
        for step in way:
            holder = holder[step]
        if data.draw(st.booleans()):
            holder[key] = data.draw(WEIRD)
        else:
            del holder[key]
        try:
            head.write_text(json.dumps(content))
            fuzz.check(f"{OPENING}:{reader}", path)
        finally:
            head.write_bytes(before)

    check()
    assert fuzz.check(f"{OPENING}:{reader}", path) == "read"


@pytest.mark.parametrize("reader", STORES)
def test_damaged_files(fuzz, reader, tmp_path):
    path = STORES[reader](tmp_path / "store")
    contents = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}

    @fuzz.settings
    @given(st.data())
    def check(data):
        file = data.draw(st.sampled_from(sorted(contents)))
        try:
            file.write_bytes(data.draw(fuzz.damaged(contents[file])))
            fuzz.check(f"{OPENING}:{reader}", path)
        finally:
            file.write_bytes(contents[file])

    check()
    assert fuzz.check(f"{OPENING}:{reader}", path) == "read"
