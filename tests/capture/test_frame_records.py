"""What is noted of frames is read back, also when the last line was cut off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sdannce.capture.frame_records import (
    HEADER,
    NONE,
    RECORDS_FILE,
    FrameRecord,
    FrameRecordFile,
    FrameStatus,
    read_frame_records,
    records_of,
)
from napari_sdannce.files.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

whole = st.integers(0, 2**62 // 5)
maybe = st.none() | whole
frames = st.builds(
    FrameRecord,
    recorder_index=whole,
    file_frame=maybe,
    block_id=maybe,
    camera_ns=maybe,
    host_ns=whole,
    utc_ns=whole,
    queue_depth=whole,
    status=st.sampled_from(FrameStatus),
)


@given(st.lists(frames, max_size=20))
def test_all_that_is_noted_is_read_back(noted: list[FrameRecord]) -> None:
    found = records_of(noted)
    assert len(found) == len(noted)
    for name in ("recorder_index", "file_frame", "block_id", "camera_ns", "host_ns", "utc_ns"):
        wanted = [getattr(each, name) for each in noted]
        assert getattr(found, name).tolist() == [NONE if x is None else x for x in wanted]
    assert found.queue_depth.tolist() == [each.queue_depth for each in noted]
    assert found.status.tolist() == [str(each.status) for each in noted]
    assert found.in_file.tolist() == [each.file_frame is not None for each in noted]


def example(i: int) -> FrameRecord:
    dropped = i % 3 == 1
    return FrameRecord(
        i, None if dropped else i, i, None, 10**15 + i, 1_796_000_000 * 10**9 + i, i % 4,
        FrameStatus.DROPPED if dropped else FrameStatus.OK,
    )  # fmt: skip


def add_all(file: FrameRecordFile, numbers: range) -> None:
    for i in numbers:
        file.add(example(i))


def test_a_row_is_in_the_file_as_soon_as_it_is_added(tmp_path: Path) -> None:
    with FrameRecordFile(tmp_path) as file:
        for i in range(10):
            file.add(example(i))
            found = read_frame_records(tmp_path / RECORDS_FILE)
            assert len(found) == i + 1
            assert found.utc_ns[-1] == 1_796_000_000 * 10**9 + i
        file.flush()
    assert found.count(FrameStatus.DROPPED) == 3
    assert found.chosen(found.in_file).recorder_index.tolist() == [0, 2, 3, 5, 6, 8, 9]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    with FrameRecordFile(tmp_path) as file:
        add_all(file, range(5))
    data = (tmp_path / RECORDS_FILE).read_bytes()
    lines = data.splitlines(keepends=True)
    for end in range(len(lines[0]), len(data) + 1):
        (tmp_path / "cut.csv").write_bytes(data[:end])
        expected = sum(len(b"".join(lines[: i + 2])) <= end for i in range(5))
        assert len(read_frame_records(tmp_path / "cut.csv")) == expected


def test_a_full_disk_takes_half_a_row_back(tmp_path: Path, small_disk) -> None:
    with FrameRecordFile(tmp_path) as file:
        with small_disk(), pytest.raises(OSError, match=RECORDS_FILE):
            add_all(file, range(10_000))
        fitted = len(read_frame_records(tmp_path / RECORDS_FILE))
        file.add(example(fitted))
    found = read_frame_records(tmp_path / RECORDS_FILE)
    np.testing.assert_array_equal(found.recorder_index, np.arange(fitted + 1))


def test_records_are_never_replaced(tmp_path: Path) -> None:
    FrameRecordFile(tmp_path).close()
    with pytest.raises(FileExistsError):
        FrameRecordFile(tmp_path)


NOW = 1_795_871_522_560_000_000


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "its header is ''"),
        ("a,b\n1,2\n", "its header is 'a,b'"),
        (f"{HEADER}\n0,0,0,,1,1,0,ok\n1,2\n", "line 3 is '1,2'"),
        (f"{HEADER}\n0,0,0,,{NOW},{NOW},0,ok\n1,2\n", "line 3 is '1,2'"),
        (f"{HEADER}\n0,0,x,,1,1,0,ok\n", "line 2 is '0,0,x,,1,1,0,ok'"),
        (f"{HEADER}\n0,0,0,,1,1,0,ok,7\n", "line 2"),
        (f"{HEADER}\n0,0,0,,{10**30},1,0,ok\n", "line 2"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / RECORDS_FILE
    path.write_text(text)
    with pytest.raises(FileFormatError, match=told):
        read_frame_records(path)
    with pytest.raises(FileNotFoundError):
        read_frame_records(tmp_path / "none.csv")
