"""What a person is told after each step."""

from __future__ import annotations

import pytest

from napari_sdannce.jobs.advice import advice_for
from napari_sdannce.jobs.background import State


@pytest.mark.parametrize(
    ("what", "look", "then"),
    [
        ("train com", "Pictures", "Predict with this network"),
        ("predict com", "com_review.csv", "DANNCE"),
        ("train dannce", "rings are labels", "s-DANNCE"),
        ("train sdannce", "BoneLengthLoss", "Predict with this network"),
        ("predict dannce", "low confidence", "train s-DANNCE again"),
        ("predict sdannce", "sdannce render", "train s-DANNCE again"),
    ],
)
def test_every_step_leads_to_the_next(what: str, look: str, then: str) -> None:
    words = tuple(what.split())
    for state in (State.FINISHED, State.STOPPED):
        (first, seen), (second, step) = advice_for(words, state)
        assert (first, second) == ("Look at", "Next")
        assert look in seen
        assert then in step
    for state in (State.FAILED, State.LOST, State.ELSEWHERE, None):
        assert advice_for(words, state) == ()
    running = advice_for(words, State.RUNNING)
    assert [head for head, _ in running] == (["Stop"] if words[0] == "train" else [])


def test_nothing_is_said_of_other_jobs() -> None:
    assert advice_for(("render",), State.FINISHED) == ()
