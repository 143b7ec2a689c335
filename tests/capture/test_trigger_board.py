"""A trigger board: its real program at a pseudo-terminal, in real time, and boards that fail."""

from __future__ import annotations

import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import serial
from pydantic import ValidationError
from serial.tools import list_ports

from napari_sdannce.capture import trigger_board
from napari_sdannce.capture.trigger_board import (
    SerialPort,
    TriggerBoard,
    TriggerBoardError,
    serial_ports,
)
from napari_sdannce.settings.capture import TriggerBoardSettings

sys.path.insert(0, str(Path(__file__).parent))
from plugged_board import Plugged, Terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Until = Callable[[Callable[[], bool]], None]
    Plug = Callable[..., Plugged]
    Device = Callable[[Callable[[str], str]], str]

ROUND_US = 2**32
HELLO = "hello sdannce-trigger version=1 most_pins=16 most_fps=1000"
IDLE = "state=idle sent=0 late_us=0 left_out=0"


@pytest.fixture
def device() -> Iterator[Device]:
    """The port of a device that answers lines in a certain way."""
    terminal = Terminal()
    threads = []

    def answer_lines(answer: Callable[[str], str]) -> None:
        lines = b""
        while True:
            try:
                lines += os.read(terminal.board, 1000)
            except OSError:  # the other end is closed
                return
            *whole, lines = lines.split(b"\n")
            for line in whole:
                os.write(terminal.board, answer(line.decode()).encode("latin-1"))

    def plug_in(answer: Callable[[str], str]) -> str:
        threads.append(threading.Thread(target=answer_lines, args=(answer,), daemon=True))
        threads[0].start()
        return terminal.port

    yield plug_in
    os.close(terminal.computer)
    for thread in threads:
        thread.join(10)
    terminal.cut()


def opened(port: str, **seconds: float) -> TriggerBoard:
    """A board that is asked at once."""
    return TriggerBoard(port, **({"quiet_s": 0} | seconds))


def scripted(**answers: str) -> Callable[[str], str]:
    """Answers of a board that was opened, but for these."""
    usual = {"hello": f"{HELLO} {IDLE}", "status": f"status {IDLE}", "stop": f"stopped {IDLE}"}

    def answer(line: str) -> str:
        command = line.partition(" ")[0]
        known = usual | answers
        return known[command] + "\n" if command in known else ""

    return answer


@pytest.mark.parametrize("clock_us", [0, ROUND_US - 100_000])
def test_a_number_of_pulses_is_sent_and_counted(plug: Plug, until: Until, clock_us: int) -> None:
    """Also when the clock of the board begins anew meanwhile."""
    plugged = plug(clock_us)
    with opened(plugged.port) as board:
        assert board.notes == ()
        board.prepare([2, 3, 10], 200, n_pulses=60, pulse_us=1000)
        assert board.count() == 0
        board.start()
        until(lambda: not board.status().is_running)
        assert board.count() == board.stop() == 60
    assert plugged.edges()[0] == "use 2 3 10"
    assert plugged.edges()[1:] == ["rise", "fall"] * 60


def test_pulses_until_they_are_stopped(plug: Plug, until: Until) -> None:
    plugged = plug()
    with opened(plugged.port) as board:
        board.prepare(range(2, 8), 59.94)
        for _ in range(2):  # every start counts from 0
            before = plugged.rises()
            board.start()
            until(lambda: board.count() >= 3)
            assert board.status().is_running
            sent = board.stop()
            assert sent == board.count() == plugged.rises() - before >= 3
            assert not board.status().is_running


def test_closing_stops_the_pulses(plug: Plug, until: Until) -> None:
    plugged = plug()
    with opened(plugged.port) as board:
        board.prepare([2], 500)
        board.start()
        until(lambda: plugged.rises() > 0)
    with opened(plugged.port) as board:
        assert board.notes == ()
        assert board.count() == plugged.rises()
    for forbidden in (board.count, board.stop, board.start):
        with pytest.raises(TriggerBoardError, match=f"{plugged.port} is closed"):
            forbidden()
    board.close()


def test_a_board_that_was_left_running_is_stopped_and_that_is_told(
    plug: Plug, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It understands the first question, although half a line came before."""
    monkeypatch.setattr(trigger_board, "_ASK_AGAIN_S", 100)
    plugged = plug()
    with serial.Serial(plugged.port, exclusive=True) as crashed:
        crashed.write(b"prepare fps=100 pins=2\nstart\nsta")
        until(lambda: plugged.rises() > 2)
    with opened(plugged.port) as board:
        (note,) = board.notes
        assert f"at {plugged.port} was still running" in note
        assert f"stopped after {plugged.rises()} pulses" in note
        assert not board.status().is_running
        board.prepare([2], 100, n_pulses=1)


def test_a_board_that_boots_when_its_port_is_opened(plug: Plug) -> None:
    """It is not asked before it says that it has booted."""
    with TriggerBoard(plug(boot_ms=1500).port) as board:
        assert board.count() == 0


def test_a_board_that_boots_silently_is_asked_again(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trigger_board, "_ASK_AGAIN_S", 0.01)
    asked = []
    usual = scripted()

    def third_time(line: str) -> str:
        asked.append(line)
        return usual(line) if asked.count("hello") > 2 else "\x00\xff"

    with opened(device(third_time)) as board:
        assert board.count() == 0


def test_several_threads_may_ask_at_once(plug: Plug) -> None:
    counts: list[list[int]] = [[] for _ in range(4)]
    with opened(plug().port) as board:
        board.prepare([2], 300)
        board.start()

        def count(into: list[int]) -> None:
            into.extend(board.count() for _ in range(20))

        threads = [threading.Thread(target=count, args=(each,)) for each in counts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sent = board.stop()
    for each in counts:
        assert each == sorted(each)
        assert len(each) == 20
        assert each[-1] <= sent


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"fps": 2000}, "fps 2000/1: this board makes 1/1000 to 1000"),
        ({"fps": 1e-9}, "fps 0/1: this board makes 1/1000 to 1000"),
        ({"pins": [2, 1]}, "pin 1: this board can not use it"),
        ({"pins": []}, "pins: '' can not be read"),
        ({"pins": range(2, 30)}, "can not be read"),
        ({"pulse_us": 20_000}, "width_us 20000: at this rate 10 to 9990"),
        ({"n_pulses": 0}, "0 pulses can not be sent"),
    ],
)
def test_what_a_board_does_not_take_is_told(
    plug: Plug, settings: dict[str, Any], problem: str
) -> None:
    plugged = plug()
    with opened(plugged.port) as board:
        with pytest.raises(TriggerBoardError, match=f"{plugged.port}.*{problem}"):
            board.prepare(**({"pins": [2], "fps": 100} | settings))
        with pytest.raises(TriggerBoardError, match="nothing is prepared"):
            board.start()
    assert plugged.rises() == 0


def test_a_running_board_takes_nothing_else(plug: Plug) -> None:
    with opened(plug().port) as board:
        board.prepare([2], 100)
        board.start()
        for refused in (board.start, lambda: board.prepare([3], 50)):
            with pytest.raises(TriggerBoardError, match="running: stop first"):
                refused()


def test_a_board_that_is_unplugged_meanwhile(plug: Plug, until: Until) -> None:
    plugged = plug()
    with opened(plugged.port) as board:
        board.prepare([2], 100)
        board.start()
        until(lambda: board.count() > 1)
        plugged.unplug()
        for ask in (board.count, board.stop, board.stop):
            with pytest.raises(TriggerBoardError, match=f"{plugged.port} is gone.*unplugged"):
                ask()


def test_a_board_that_starts_anew_meanwhile(plug: Plug, until: Until) -> None:
    """Its count is lost: none is made up, whoever asks."""
    plugged = plug()
    with opened(plugged.port) as board:
        board.prepare([2], 100)
        board.start()
        until(lambda: board.count() > 1)
        plugged.switch_off()
        plugged.switch_on()
        for ask in (board.count, board.stop):
            with pytest.raises(TriggerBoardError, match=f"{plugged.port} has started anew"):
                ask()


def test_a_board_that_falls_silent(
    plug: Plug, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked again afterwards, as it may still be pulsing."""
    plugged = plug()
    with opened(plugged.port) as board:
        board.prepare([2], 100)
        board.start()
        plugged.process.send_signal(signal.SIGSTOP)
        with monkeypatch.context() as patch:
            patch.setattr(trigger_board, "REPLY_S", 0.1)
            with pytest.raises(TriggerBoardError, match=r"does not answer 'status' within 0.1 s"):
                board.count()
        plugged.process.send_signal(signal.SIGCONT)
        assert board.stop() == board.count() == plugged.rises()


def test_a_silent_device_is_no_trigger_board(device: Device) -> None:
    begin = time.monotonic()
    port = device(lambda line: "")
    with pytest.raises(TriggerBoardError, match=f"{port}: nothing answers within 0.2 s.*Campy"):
        opened(port, greeting_s=0.2)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        ("Grbl 1.1h ['$' for help]\r\n", "Grbl 1.1h"),
        ("ready\n" * 50, "ready"),
        ("\x00\xff\x80", "\ufffd"),
        ("no end of a line, ever " * 1000, "no end of a line"),
    ],
)
def test_other_devices_are_no_trigger_boards(device: Device, answer: str, heard: str) -> None:
    port = device(lambda line: answer)
    with pytest.raises(TriggerBoardError, match=f"{port}: what answers is no trigger") as caught:
        opened(port, greeting_s=0.3)
    assert heard in str(caught.value)
    assert "firmware/trigger_board" in str(caught.value)


@pytest.mark.parametrize("version", ["2", "x", "?"])
def test_other_versions_are_told(device: Device, version: str) -> None:
    hello = f"{HELLO} {IDLE}".replace("=1", f"={version}", 1).replace("version=?", "")
    port = device(scripted(hello=hello))
    with pytest.raises(TriggerBoardError, match="this program version 1: upload") as caught:
        opened(port)
    assert f"{port} speaks version {version} of" in str(caught.value)


@pytest.mark.parametrize("damaged", ["status sent=1x late_us=0 left_out=0", "status"])
def test_damaged_counts_are_not_taken(device: Device, damaged: str) -> None:
    port = device(scripted(status=damaged))
    with pytest.raises(TriggerBoardError, match=f"{port} answers"):
        opened(port)


def test_settings_that_arrive_damaged_are_noticed(device: Device) -> None:
    port = device(scripted(prepare="ready fps=3/1 width_us=5000 pulses=0 pins=2"))
    with (
        opened(port) as board,
        pytest.raises(TriggerBoardError, match=r"asked for fps=30/1.*understood fps=3/1"),
    ):
        board.prepare([2], 30)


def test_late_answers_are_not_taken_for_those_to_later_questions(device: Device) -> None:
    """And the end of a number of pulses, which is told unasked, is no answer."""
    late = f"status {IDLE}\ndone sent=7 late_us=0 left_out=0\n"
    port = device(
        scripted(
            prepare=f"{late}ready fps=30/1 width_us=5000 pulses=0 pins=2\n{late}",
            status="status sent=9 late_us=0 left_out=0",
        )
    )
    with opened(port) as board:
        board.prepare([2], 30)
        assert board.count() == 9


def test_a_port_that_another_program_has(plug: Plug) -> None:
    port = plug().port
    with opened(port), pytest.raises(TriggerBoardError, match=f"{port} is in use by another"):
        opened(port)


@pytest.mark.parametrize("listed", [[], [("COM3", "Arduino Uno (COM3)")]])
def test_a_missing_port_is_told_with_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, listed: list[tuple[str, str]]
) -> None:
    ports = [SimpleNamespace(device=device, description=words) for device, words in listed]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    port = str(tmp_path / "ttyACM0")
    there = r"COM3 \(Arduino Uno \(COM3\)\)" if listed else "is the board plugged in"
    with pytest.raises(TriggerBoardError, match=f"no serial port {port}; .*{there}"):
        TriggerBoard(port)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (serial.SerialException(errno.EACCES, "no"), "group dialout"),
        (serial.SerialException(errno.EBUSY, "no"), "in use by another program"),
        (serial.SerialException("PermissionError(13, 'Access is denied.')"), "in use by another"),
        (serial.SerialException("FileNotFoundError(2, 'no such file')"), "no serial port COM9"),
        (serial.SerialException(errno.EIO, "broken"), "COM9 can not be opened: .*broken"),
    ],
)
def test_why_a_port_can_not_be_opened(
    monkeypatch: pytest.MonkeyPatch, error: Exception, told: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(serial, "Serial", fail)
    with pytest.raises(TriggerBoardError, match=f"COM9.*{told}|{told}"):
        TriggerBoard("COM9")


@pytest.mark.parametrize("use", [serial_ports, lambda: TriggerBoard("COM9")])
def test_without_pyserial_it_is_said_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[], object]
) -> None:
    for name in ("serial", "serial.tools", "serial.tools.list_ports"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(TriggerBoardError, match=r"pip install 'napari-sdannce\[serial\]'"):
        use()


def test_ports_are_listed_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [SimpleNamespace(device=f"/dev/ttyACM{n}", description=f"board {n}") for n in (1, 0)]
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    assert serial_ports() == [
        SerialPort("/dev/ttyACM0", "board 0"),
        SerialPort("/dev/ttyACM1", "board 1"),
    ]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"pins": []}, "pins"),
        ({"pins": [2, 256]}, "pins"),
        ({"pins": [-1]}, "pins"),
        ({"pins": [5, 6, 5]}, "pins: 5 is there twice"),
        ({"pins": range(2, 19)}, "at most 16"),
        ({"pulse_us": 9}, "pulse_us"),
        ({"pulse_us": 1_000_001}, "pulse_us"),
    ],
)
def test_settings_that_no_board_takes(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        TriggerBoardSettings.model_validate({"port": "COM3"} | settings)
