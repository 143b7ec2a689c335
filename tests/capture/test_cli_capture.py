"""``sdannce capture``: recording, self-test, stopping and finishing from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from napari_sdannce.capture.configuration import read_configuration, write_configuration
from napari_sdannce.capture.recorder_process.notes import running_recorders
from napari_sdannce.capture.recording_file import read_recording_file, write_recording_file
from napari_sdannce.cli import main
from napari_sdannce.files.experiment import open_recording
from napari_sdannce.settings.capture import CaptureSettings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def own_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorders of a test are found by nobody else."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., Path]:
    """A configuration of two synthetic cameras."""

    def write(**more: Any) -> Path:
        cameras = [
            {"name": f"Camera{n}", "back_end": "synthetic", "serial": str(n), "width": 256}
            for n in (1, 2)
        ]
        values = {"folder": tmp_path / "rec", "fps": 50, "keep_free_gb": 0, "seconds": 1,
                  "trigger": "software"}  # fmt: skip
        settings = CaptureSettings.model_validate({**values, "cameras": cameras, **more})
        write_configuration(tmp_path / "capture.yaml", settings, overwrite=True)
        return tmp_path / "capture.yaml"

    return write


def failing(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    return int(stopped.value.code)


def started(config: Path, *options: str) -> subprocess.Popen[str]:
    """A recording in a process of its own, of which the first words were read."""
    command = [sys.executable, "-m", "napari_sdannce.cli", "capture", str(config), *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    return process


def test_a_recording_is_made_and_told(
    config: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["capture", str(config())])
    told = capsys.readouterr()
    assert "Camera1  50 frames" in told.out
    assert "50 moments in sync, 0 left out" in told.out
    assert "recording began: 2 cameras, 50 frames a second" in told.err
    assert len(open_recording(tmp_path / "rec").sync) == 50

    assert failing("capture", str(config())) == 2
    assert "nothing is overwritten; choose another one" in capsys.readouterr().err
    main(["capture", str(config()), "--folder", str(tmp_path / "b"), "--seconds", "0.2"])
    assert "Camera2  10 frames" in capsys.readouterr().out


def test_progress_is_told_in_json(
    config: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["capture", str(config()), "--progress", "json"])
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[0] == "{"]
    last = lines[-1]
    assert last["ended_by"] == "its length was reached"
    assert [each["encoded"] for each in last["cameras"]] == [50, 50]


@pytest.mark.parametrize(
    ("changes", "options", "told"),
    [
        ({"fps": 50}, ("--encoding-codec", "h265"), "no codec is called 'h265'"),
        ({}, ("--encoding-codec", "h264_nvenc"), "those that work are libx264"),
        ({"keep_free_gb": 1e6}, (), "the disk has"),
        ({"memory_mb": 10**9}, (), "MB of memory are free"),
        (
            {"cameras": [{"name": "Camera1", "back_end": "basler", "serial": "40012345"}]},
            (),
            "no Basler camera has the serial number 40012345; there are: 0815-0000",
        ),
        (
            {"cameras": [{"name": "Camera1", "back_end": "kodak", "serial": "1"}]},
            (),
            "no kind of camera is called 'kodak'; there are basler",
        ),
        (
            {"cameras": [{"name": "Camera1", "back_end": "basler", "serial": "0815-0000"}]},
            ("--fps", "1000"),
            "set a shorter exposure_us",
        ),
    ],
)
def test_what_can_not_be_is_told_in_one_line_before_anything_is_written(
    config: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    options: tuple[str, ...],
    told: str,
) -> None:
    assert failing("capture", str(config(**changes)), *options) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert not (tmp_path / "rec").exists()


def test_the_self_test_judges_and_leaves_nothing(
    config: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("napari_sdannce.capture.recorder.self_test.SECONDS", 1.0)
    path = config(folder=tmp_path / "new" / "rec")
    before = sorted(tmp_path.iterdir())
    main(["capture", str(path), "--self-test"])
    told = capsys.readouterr().out
    assert "ok   Camera1  " in told
    assert "GB/h; the disk lasts" in told
    assert sorted(tmp_path.iterdir()) == before

    slow = config(cameras=[{"name": "Camera1", "back_end": "synthetic", "serial": "1",
                            "width": 4096, "height": 4096}], fps=400)  # fmt: skip
    assert failing("capture", str(slow), "--self-test") == 1
    assert "BAD  Camera1  " in capsys.readouterr().out
    assert sorted(tmp_path.iterdir()) == before


def test_ctrl_c_ends_it_cleanly(config: Callable[..., Path], tmp_path: Path, until: Any) -> None:
    process = started(config(seconds=None), "--progress", "none")
    until(lambda: bool(running_recorders()) and _has_frames(tmp_path / "rec"))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    recording = read_recording_file(tmp_path / "rec")
    assert recording.ended_by == "it was stopped at the terminal"
    assert all(check.passed for check in recording.checks)
    assert "moments in sync" in out


def test_it_is_listed_and_stopped_from_elsewhere(
    config: Callable[..., Path], tmp_path: Path, until: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["capture", "status"])
    assert capsys.readouterr().out == "no recorder runs\n"
    process = started(config(seconds=None), "--progress", "none")
    until(lambda: bool(running_recorders()) and _has_frames(tmp_path / "rec"))
    main(["capture", "status"])
    assert f"{process.pid}  recording" in capsys.readouterr().out
    assert failing("capture", "finish", str(tmp_path / "rec")) == 2
    assert f"recorder {process.pid} still records into it" in capsys.readouterr().err
    main(["capture", "stop"])
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert read_recording_file(tmp_path / "rec").ended_by == "`sdannce capture stop`"


def test_a_killed_recording_is_finished(
    config: Callable[..., Path], tmp_path: Path, until: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    process = started(config(seconds=None), "--progress", "none")
    until(lambda: bool(running_recorders()) and _has_frames(tmp_path / "rec"))
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    main(["capture", "finish", str(tmp_path / "rec")])
    assert "the program that recorded was killed" in capsys.readouterr().out
    assert len(open_recording(tmp_path / "rec").sync)
    assert failing("capture", "finish", str(tmp_path / "rec")) == 2
    assert "this recording is finished already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "damage",
    ["notatime,,,note,1,hello\n", "2026-11-28T14:32:57.615Z,,x,note,1,hello\n", "2026-11\n", "\0"],
)
def test_a_killed_recording_is_finished_whatever_its_events_are(
    config: Callable[..., Path], tmp_path: Path, damage: str
) -> None:
    main(["capture", str(config(seconds=0.2))])
    folder = tmp_path / "rec"
    as_killed(folder)
    with (folder / "events.csv").open("a") as stream:
        stream.write(damage)
    main(["capture", "finish", str(folder)])
    told = [event.what for event in read_recording_file(folder).events]
    assert told[0].startswith("recording began")
    assert told[-1].startswith("recording ended")


def as_killed(folder: Path) -> None:
    """Make a recording one whose program was killed."""
    recording = read_recording_file(folder)
    changes = {"ended": None, "ended_by": "", "events": (), "checks": (), "sync": None}
    write_recording_file(folder, recording.model_copy(update=changes), overwrite=True)


def test_why_a_recording_can_not_be_finished_is_told(
    config: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing("capture", "finish", str(tmp_path)) == 2
    assert "recording.yaml does not exist" in capsys.readouterr().err
    (tmp_path / "recording.yaml").write_text("{{")
    assert failing("capture", "finish", str(tmp_path)) == 2
    assert "recording.yaml: line" in capsys.readouterr().err


def test_a_self_test_that_is_ended_leaves_nothing(
    config: Callable[..., Path], tmp_path: Path, until: Any
) -> None:
    process = started(config(folder=tmp_path / "new" / "rec"), "--self-test")
    until(lambda: bool(list(tmp_path.glob("new/.self-test-*/videos"))))
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert not (tmp_path / "new").exists()


def test_the_sync_is_made_by_other_rules(
    config: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["capture", str(config(trigger="software"))])
    path = tmp_path / "rec" / "videos" / "Camera2" / "frametimes.csv"
    lines = path.read_text().splitlines()
    lines[8] = lines[8].replace(",7,", ",,", 1).replace(",ok", ",dropped")  # as if it were lost
    path.write_text("\n".join(lines) + "\n")
    capsys.readouterr()
    main(["capture", "sync", str(tmp_path / "rec")])
    assert "49 moments in sync, 1 left out" in capsys.readouterr().out
    assert len(open_recording(tmp_path / "rec").sync) == 49
    main(["capture", "sync", str(tmp_path / "rec"), "--least-cameras", "1"])
    assert "50 moments in sync, 0 left out" in capsys.readouterr().out
    assert open_recording(tmp_path / "rec").sync.frames[7].tolist() == [7, -1]
    main(["capture", "sync", str(tmp_path / "rec"), "--least-cameras", "1", "--missing", "nearest"])
    assert "nearest one stands: 1" in capsys.readouterr().out
    assert open_recording(tmp_path / "rec").sync.frames[7].tolist() == [7, 6]
    for wrong in (("--least-cameras", "3"), ("--most-skew-ms", "-1")):
        assert failing("capture", "sync", str(tmp_path / "rec"), *wrong) == 2
    assert "the recording has only 2" in capsys.readouterr().err
    assert len(open_recording(tmp_path / "rec").sync) == 50


def _has_frames(folder: Path) -> bool:
    """Whether every camera has noted more than ten frames."""
    files = list(folder.glob("videos/*/frametimes.csv"))
    return len(files) == 2 and all(file.read_bytes().count(b"\n") > 10 for file in files)


def test_a_configuration_of_what_is_there_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "new.yaml"
    main(["capture", "new", str(path), "--kind", "synthetic", "--fps", "20"])
    assert "6 cameras; edit it" in capsys.readouterr().out
    settings = read_configuration(path).settings
    assert (len(settings.cameras), settings.fps) == (6, 20)
    assert failing("capture", "new", str(path)) == 2
