"""What to look at when a job is under way or done, and what comes next on the way to poses."""

from __future__ import annotations

from dataclasses import dataclass

from napari_sdannce.jobs.background import State


@dataclass(frozen=True, slots=True)
class Advice:
    """A few short lines about a kind of job.

    Parameters
    ----------
    meanwhile
        When to stop it; empty for jobs that have an end of their own.
    look
        What to look at when it has made something.
    then
        The step that follows.
    """

    meanwhile: str
    look: str
    then: str


_POSES = Advice(
    meanwhile="",
    look="frames of low confidence, and those in which animals touch; 'sdannce render' makes a "
    "video.",
    then="label fifty of the worst, and train s-DANNCE again from the weights you have.",
)
_ADVICE: dict[tuple[str, ...], Advice] = {
    ("train", "com"): Advice(
        meanwhile="when the validation error no longer falls.",
        look="Pictures: is each animal found where it is labelled?",
        then="Predict with this network, over the whole recording.",
    ),
    ("predict", "com"): Advice(
        meanwhile="",
        look="the share of frames with all animals (end of the log), and com_review.csv: where "
        "two may have been swapped.",
        then="panel Train: DANNCE, with these COMs as 'COM trace' of the experiment, so that it "
        "learns in cubes like those it will predict in.",
    ),
    ("train", "dannce"): Advice(
        meanwhile="when the validation error has not fallen for 20 epochs. Far above that of "
        "training: too few labels.",
        look="Pictures: rings are labels, dots what is found.",
        then="s-DANNCE, started from this network, with the same cube and width.",
    ),
    ("train", "sdannce"): Advice(
        meanwhile="early rather than late, before 70 epochs: more makes poses stiff.",
        look="Pictures, and the curve of BoneLengthLoss.",
        then="Predict with this network, over the whole recording.",
    ),
    ("predict", "dannce"): _POSES,
    ("predict", "sdannce"): _POSES,
}


def advice_for(what: tuple[str, ...], state: State | None) -> tuple[tuple[str, str], ...]:
    """Lines for a person, each a heading and a text; none where there is nothing to say.

    Parameters
    ----------
    what
        Words of the job's command.
    state
        How it stands.
    """
    advice = _ADVICE.get(what)
    if advice is None:
        return ()
    if state is State.RUNNING:
        return (("Stop", advice.meanwhile),) if advice.meanwhile else ()
    if state in (State.FINISHED, State.STOPPED):
        return (("Look at", advice.look), ("Next", advice.then))
    return ()
