"""Disks that are full, or nearly: the recording ends, and all that it says of itself is true."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from napari_sdannce.capture.recorder.reserve import RESERVE_FILE
from napari_sdannce.files.experiment import open_recording

sys.path.insert(0, str(Path(__file__).parent))
from recording_hands import counted, record, recording, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Disk = Callable[[int], Path]

MB = 1_000_000
HEAVY = {"width": 640, "height": 480}
LOSSLESS = {"codec": "ffv1"}


def test_a_full_disk_ends_it_and_loses_nothing_that_was_written(lab: Any, disk_of: Disk) -> None:
    disk = disk_of(8 * MB)
    with recording(settings_of(disk / "rec", [HEAVY] * 3, fps=60, encoding=LOSSLESS)) as going:
        going.until_grabbed(30)
        (disk / "theirs").write_bytes(bytes(shutil.disk_usage(disk).free - MB // 4))
    found = counted(going)
    assert found.file.ended_by.startswith("the disk is full: ")
    assert sum(counts.unwritten for counts in found.counts.values()) >= 1
    sync = open_recording(found.folder).sync
    assert sync is not None
    assert len(sync) >= 25
    assert not (found.folder / RESERVE_FILE).exists()
    for name, counts in found.counts.items():
        if counts.unwritten:
            assert "No space left on device" in "; ".join(found.told("unwritten", name)) or (
                "the disk is full" in "; ".join(found.told("unwritten", name))
            )


def test_what_another_program_takes_of_the_disk_is_seen(lab: Any, disk_of: Disk) -> None:
    disk = disk_of(30 * MB)
    settings = settings_of(disk / "rec", [HEAVY], keep_free_gb=0.02, encoding=LOSSLESS)
    with recording(settings) as going:
        going.until_grabbed(5)
        (disk / "theirs").write_bytes(bytes(15 * MB))
    found = counted(going)
    assert found.file.ended_by.startswith("the disk has only 0.01")
    assert found.file.ended_by.endswith(" GB left (keep_free_gb 0.02)")
    assert found.counts["Camera1"].unwritten == 0
    assert all(check.passed for check in found.file.checks)


def test_a_disk_that_will_soon_be_full_is_told_once(lab: Any, disk_of: Disk) -> None:
    settings = settings_of(disk_of(30 * MB) / "rec", [HEAVY], seconds=1.5, encoding=LOSSLESS)
    found = record(settings)
    (told,) = found.told("trouble")
    assert re.fullmatch(r"the disk will be full in less than \d minutes?", told)


def test_a_recording_that_has_not_even_room_to_begin(lab: Any, disk_of: Disk) -> None:
    disk = disk_of(1 * MB)
    free = shutil.disk_usage(disk).free
    (disk / "theirs").write_bytes(bytes(free - 8192))
    before = sorted(path.name for path in disk.rglob("*"))
    with pytest.raises(OSError, match="No space left"):
        record(settings_of(disk / "rec", 3))
    assert sorted(path.name for path in disk.rglob("*")) == before
