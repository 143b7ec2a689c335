"""The trigger board's program, compiled for this computer, in simulated time."""

from __future__ import annotations

import random
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="the program is driven through a terminal of POSIX"
)

PATIENCE_S = 60
HOUR_S = 3600
ROUND_US = 2**32
"""After which the clock of microseconds begins anew."""
LEAD_US = 2000
PAUSE = "\x01" * 15
"""Lets 1.5 s pass."""
WHO = "sdannce-trigger version=1 most_pins=16 most_fps=1000"


@dataclass(frozen=True)
class Pulses:
    """When they rose (us since the start), and what was counted."""

    rises_us: npt.NDArray[np.int64]
    sent: int
    late_us: int
    left_out: int


@pytest.fixture
def say(firmware: Path) -> Callable[..., list[str]]:
    """Answers of the board to text, from a certain time of its clock on."""

    def answers(text: str | bytes, clock_us: int = 0) -> list[str]:
        run = subprocess.run(
            [firmware, "talk", str(clock_us)],
            input=text.encode() if isinstance(text, str) else text,
            capture_output=True,
            check=True,
            timeout=PATIENCE_S,
        )
        first, booted, *others = run.stdout.decode("ascii").split("\n")
        assert (first, booted) == ("", f"booted {WHO} state=idle sent=0 late_us=0 left_out=0")
        assert others.pop() == ""
        return others

    return answers


@pytest.fixture
def pulse(firmware: Path) -> Callable[..., Pulses]:
    """Pulses of `frames` in `seconds`, each up to `late_us` late."""

    def pulses(
        frames: int,
        seconds: int,
        n: int,
        *,
        late_us: int = 0,
        clock_us: int = 0,
        width_us: int = 10,
    ) -> Pulses:
        numbers = (frames, seconds, width_us, n, clock_us, late_us)
        run = subprocess.run(
            [firmware, "train", *map(str, numbers)],
            capture_output=True,
            check=True,
            timeout=PATIENCE_S,
        )
        rises = np.array(run.stdout.split(), dtype=np.int64)
        return Pulses(rises, *(int(each) for each in run.stderr.split()))

    return pulses


RATES = [(30, 1), (60000, 1001), (2997, 50), (100, 3), (7, 1), (1000, 1), (999_999_937, 10_000_019)]


@pytest.mark.parametrize(("frames", "seconds"), RATES)
def test_no_rate_drifts_in_hours(pulse: Callable[..., Pulses], frames: int, seconds: int) -> None:
    """Three hours are two rounds of the clock; each pulse is where its number says."""
    n = min(3 * HOUR_S * frames // seconds, 1_000_000)
    made = pulse(frames, seconds, n, clock_us=ROUND_US - 1_000_000)
    exact = [LEAD_US + i * 1_000_000 * seconds // frames for i in range(n)]
    np.testing.assert_array_equal(made.rises_us, exact)
    assert (made.sent, made.late_us, made.left_out) == (n, 0, 0)


def test_a_late_pulse_does_not_delay_those_after_it(pulse: Callable[..., Pulses]) -> None:
    n = 2 * HOUR_S * 100
    made = pulse(100, 1, n, late_us=40)
    late = made.rises_us - LEAD_US - 10_000 * np.arange(n)
    assert late.min() == 0
    assert late.max() == made.late_us == 40
    assert abs(late[: n // 2].mean() - late[n // 2 :].mean()) < 1
    assert made.sent == n


def test_pulses_that_would_come_too_near_to_the_next_are_left_out(
    pulse: Callable[..., Pulses],
) -> None:
    n, period_us = 5000, 10_000
    made = pulse(100, 1, n, late_us=30_000, clock_us=ROUND_US - 20_000_000)
    assert made.sent == n == len(made.rises_us)
    assert made.left_out > n / 2
    slots, late = np.divmod(made.rises_us - LEAD_US, period_us)
    assert late.max() == made.late_us <= period_us / 2 + 1
    assert slots[-1] == n + made.left_out - 1
    assert np.diff(made.rises_us).min() >= period_us // 2


def test_slowest_and_fastest(pulse: Callable[..., Pulses]) -> None:
    slow = pulse(1, 1000, 20, clock_us=ROUND_US - 1)
    np.testing.assert_array_equal(np.diff(slow.rises_us), 1_000_000_000)
    fast = pulse(10_000, 1, 20_000, width_us=50)
    np.testing.assert_array_equal(np.diff(fast.rises_us), 100)


def test_it_says_who_it_is(say: Callable[..., list[str]]) -> None:
    assert say("hello\n") == [f"hello {WHO} state=idle sent=0 late_us=0 left_out=0"]


def test_what_was_understood_is_repeated(say: Callable[..., list[str]]) -> None:
    assert say(
        "prepare pins=13 fps=30\nprepare fps=60000/1001 pulses=7 width_us=250 pins=2,3,9\n"
    ) == [
        "ready fps=30/1 width_us=5000 pulses=0 pins=13",
        "ready fps=60000/1001 width_us=250 pulses=7 pins=2,3,9",
    ]


def test_short_periods_have_shorter_pulses(say: Callable[..., list[str]]) -> None:
    assert say("prepare fps=400 pins=2\n") == ["ready fps=400/1 width_us=1250 pulses=0 pins=2"]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("fps=1001 pins=2", "fps 1001/1: this board makes 1/1000 to 1000"),
        ("fps=1/1001 pins=2", "fps 1/1001: this board makes 1/1000 to 1000"),
        ("fps=2147483648/3000000 pins=2",
         "fps 2147483648/3000000: this board makes 1/1000 to 1000"),
        ("fps=0 pins=2", "fps 0/1: this board makes 1/1000 to 1000"),
        ("fps=30/0 pins=2", "fps 30/0: this board makes 1/1000 to 1000"),
        ("pins=2", "fps 0/1: this board makes 1/1000 to 1000"),
        ("fps=29.97 pins=2", "fps: '29.97' can not be read"),
        ("fps=-5 pins=2", "fps: '-5' can not be read"),
        ("fps=30/ pins=2", "fps: '30/' can not be read"),
        ("fps=4294967296 pins=2", "fps: '4294967296' can not be read"),
        ("fps=30", "no pins"),
        ("fps=30 pins=", "pins: '' can not be read"),
        ("fps=30 pins=2,,3", "pins: '2,,3' can not be read"),
        ("fps=30 pins=2,3,", "pins: '2,3,' can not be read"),
        ("fps=30 pins=258", "pins: '258' can not be read"),
        ("fps=30 pins=" + ",".join("2" * 17), "pins: '" + ",".join("2" * 17) + "' can not be read"),
        ("fps=30 pins=1", "pin 1: this board can not use it"),
        ("fps=30 pins=2,3,2", "pin 2 is there twice"),
        ("fps=30 pins=2 pulses=x", "pulses: 'x' can not be read"),
        ("fps=30 pins=2 pulses=4294967296", "pulses: '4294967296' can not be read"),
        ("fps=30 pins=2 width_us=9", "width_us 9: at this rate 10 to 33323"),
        ("fps=30 pins=2 width_us=33324", "width_us 33324: at this rate 10 to 33323"),
        ("fps=1/2 pins=2 width_us=1000001", "width_us 1000001: at this rate 10 to 1000000"),
        ("fps=30 pins=2 colour=red", "there is no setting 'colour'"),
        ("30 2", "'30' is no setting: NAME=VALUE"),
        ("", "no pins"),
    ],
)  # fmt: skip
def test_what_can_not_be_done_is_refused(
    say: Callable[..., list[str]], settings: str, problem: str
) -> None:
    """And nothing that was prepared before is there any more."""
    before, refused, start = say(f"prepare fps=1 pins=2\nprepare {settings}\nstart\n")
    assert before.startswith("ready ")
    assert refused == f"error {problem}"
    assert start == "error nothing is prepared"


@pytest.mark.parametrize("clock_us", [0, ROUND_US - 2_500, ROUND_US - 1_000_000])
def test_pulses_are_counted_anew_from_every_start(
    say: Callable[..., list[str]], clock_us: int
) -> None:
    run = f"start\n{PAUSE}stop\n"
    answers = say(f"prepare fps=7 pins=2\n{run}{run}hello\n", clock_us)
    started, stopped = answers[1::2], answers[2::2]
    assert started[:2] == ["started", "started"]
    for line in stopped:
        word, sent, _, left_out = line.split()
        assert (word, sent, left_out) == ("stopped", "sent=11", "left_out=0")
    assert answers[-1].startswith(f"hello {WHO} state=ready sent=11 ")


def test_a_number_of_pulses_ends_by_itself_and_is_told(say: Callable[..., list[str]]) -> None:
    *_, done, status, stopped = say(
        f"prepare fps=100 pulses=25 pins=2\nstart\n{PAUSE}status\nstop\n"
    )
    assert done.startswith("done sent=25 ")
    assert status.startswith("status state=ready sent=25 ")
    assert stopped.startswith("stopped sent=25 ")


def test_while_it_runs_it_tells_but_takes_no_other_orders(say: Callable[..., list[str]]) -> None:
    answers = say(
        f"prepare fps=1 pins=2\nstart\n{PAUSE}hello\nstatus\nstart\nprepare fps=5 pins=3\nstop\n"
    )
    assert answers[2].startswith(f"hello {WHO} state=running sent=2 ")
    assert answers[3].startswith("status state=running sent=2 ")
    assert answers[4:6] == ["error running: stop first"] * 2
    assert answers[6].startswith("stopped sent=2 ")


def test_the_last_pulse_is_a_whole_one(say: Callable[..., list[str]]) -> None:
    begin = "prepare fps=1/2 width_us=1000000 pins=2\nstart\n\x01\x01stop\n"
    assert say(f"{begin}status\n{PAUSE}")[2:] == [
        "status state=running sent=1 late_us=0 left_out=0",
        "stopped sent=1 late_us=0 left_out=0",
    ]


def test_empty_lines_and_ends_of_windows(say: Callable[..., list[str]]) -> None:
    assert len(say("\n\r\n\nhello\r\n\r\n")) == 1


def test_half_a_line_is_ended_by_the_next(say: Callable[..., list[str]]) -> None:
    half, hello = say("prepare fps=3\nhello\n")
    assert half == "error no pins"
    assert hello.startswith("hello ")


@pytest.mark.parametrize("length", [191, 192, 255, 256, 257, 1000])
def test_lines_that_are_too_long(say: Callable[..., list[str]], length: int) -> None:
    first, hello = say("x" * length + "\nhello\n")
    if length > 191:
        assert first == "error line of more than 191 characters"
    else:
        assert first == ("error unknown command '" + "x" * 191)[:191]
    assert hello.startswith("hello ")


@pytest.mark.parametrize("command", ["Hello", "hello there", "start now", "stopp", "prepare", "ü"])
def test_unknown_commands_are_named(say: Callable[..., list[str]], command: str) -> None:
    (answer,) = say(f"{command}\n")
    assert answer == f"error unknown command '{command.replace('ü', '??')}'"


@pytest.mark.parametrize("seed", range(20))
def test_garbage_is_survived(say: Callable[..., list[str]], seed: int) -> None:
    """Bytes of all kinds, and words of the protocol in any order."""
    chance = random.Random(seed)
    words = [b"prepare ", b"fps=", b"pins=", b"width_us=", b"start\n", b"stop\n", b"status\n", b","]
    noise = b"".join(
        chance.choice([chance.randbytes(chance.randrange(40)), chance.choice(words), b"7", b"\n"])
        for _ in range(300)
    )
    answers = say(noise + b"\nstop\n\x01\x01hello\n")
    assert answers[-1].startswith(f"hello {WHO} state=")
    assert all(line.isascii() and line.isprintable() for line in answers)
