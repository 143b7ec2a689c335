"""Which moments to label next, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling.findings import Predicted
from napari_sdannce.labeling.labelled_moments import away_from, have_frames, labelled_moments
from napari_sdannce.labeling.pose_spread import PoseSpread
from napari_sdannce.labeling.prediction_checks import (
    CheckLimits,
    check_predictions,
    disagreement,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.labeling.findings import Finding
    from napari_sdannce.labeling.session import LabelingSession
    from napari_sdannce.poses import Poses

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

_USUAL_APART = 25
# a recording of few moments holds this many times as many suggestions as are asked for
_ROOM = 4
# what a moment without any problem is worth, beside problems of 0 to 1 each
_WORTH = 0.3
# what is left of it when its pose is labelled already
_KNOWN_POSE = 0.2
# as unlike as this, relative to two poses of the recording: worth telling
_UNLIKE = 0.75


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A moment to label.

    Parameters
    ----------
    sample_id
        Its key.
    moment
        Its row in the sync.
    score
        What there is to gain, more is better; to be compared within one list only.
    reasons
        Why, in words for a person; at least one.
    """

    sample_id: int
    moment: int
    score: float
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SuggestionSettings:
    """How moments are chosen.

    Parameters
    ----------
    apart
        Least moments between two suggestions, and between one and what is labelled. None: 25, or
        less where the recording is too short for that.
    limits
        From where on predictions are odd.
    """

    apart: int | None = None
    limits: CheckLimits = field(default_factory=CheckLimits)

    def __post_init__(self) -> None:
        if self.apart is not None and self.apart < 1:
            raise ValueError(f"apart must be 1 moment or more, got {self.apart}")

    def least_apart(self, n_moments: int, n_wanted: int) -> int:
        """Least moments between two suggestions, in a recording of so many."""
        if self.apart is not None:
            return self.apart
        return max(1, min(_USUAL_APART, n_moments // (_ROOM * max(n_wanted, 1))))


def suggest_evenly(
    session: LabelingSession, n: int, settings: SuggestionSettings | None = None
) -> tuple[Suggestion, ...]:
    """Suggest moments spread evenly over what is not labelled yet, in order of time.

    Each goes into the longest stretch without labels, as divided by those before. Moments of which
    fewer than two views have a frame are left out.

    Parameters
    ----------
    session
        The labels so far.
    n
        How many; fewer where there is no room.
    settings
        How far apart.
    """
    settings = settings or SuggestionSettings()
    moments = np.flatnonzero(have_frames(session))
    apart = settings.least_apart(len(moments), n)
    labelled = labelled_moments(session)
    chosen: list[int] = []
    for stretch in _stretches(moments, labelled, apart, n):
        for moment in stretch:
            if not chosen or moment - chosen[-1] >= apart:
                chosen.append(moment)
    ids = session.subject.sync.sample_ids
    return tuple(
        Suggestion(int(ids[moment]), moment, 1.0, (_even_reason(moment, labelled),))
        for moment in chosen
    )


def suggest(
    session: LabelingSession,
    n: int,
    poses: Poses,
    covariance: FloatArray | None = None,
    settings: SuggestionSettings | None = None,
) -> tuple[Suggestion, ...]:
    """Suggest moments at which predictions look wrong, and poses that are not labelled yet.

    Each is the one with the most to gain given those before: its problems (`check_predictions`),
    times how unlike its pose is to what is labelled and suggested already.

    Parameters
    ----------
    session
        The labels so far. It is read here: not while another thread changes it.
    n
        How many; fewer where there is no room.
    poses
        Predictions; animals are matched by name, else by order.
    covariance
        (T, A, K, 6) mm^2 of the same, as in a prediction store.
    settings
        How far apart, and what is odd.

    Returns
    -------
    The one with the most to gain first. Moments that are labelled in part come only where the
    prediction disagrees with what is clicked.

    Raises
    ------
    ValueError
        When the predictions are of other keypoints or of another recording.

    Examples
    --------
    >>> for each in suggest(session, 20, poses):  # doctest: +SKIP
    ...     print(each.sample_id, "; ".join(each.reasons))
    8041 low confidence: HandL of rat2 (0.12, usually 0.8); a pose not labelled yet
    """
    settings = settings or SuggestionSettings()
    predicted = Predicted.of(poses, session.subject, covariance)
    clicks = disagreement(predicted, session, settings.limits.disagreement)
    findings = (*check_predictions(predicted, settings.limits), clicks)
    apart = settings.least_apart(len(session.subject.sync), n)
    problems = np.zeros(len(predicted.moments), np.float32)
    for finding in findings:
        problems += finding.scores()
    labelled = labelled_moments(session)
    is_labelled = np.isin(predicted.moments, labelled)
    to_finish = _unfinished(session, predicted.moments, is_labelled) & (clicks.scores() > 0)
    far = away_from(predicted.moments, labelled) >= apart
    candidates = _Candidates(
        moments=predicted.moments,
        problems=problems,
        free=(far | to_finish) & _is_seen(session, predicted),
        spread=PoseSpread(predicted.positions),
        labelled=np.flatnonzero(is_labelled & ~to_finish),
    )
    ids = session.subject.sync.sample_ids
    return tuple(
        Suggestion(
            int(ids[predicted.moments[row]]),
            int(predicted.moments[row]),
            score,
            _reasons(findings, row, unlike),
        )
        for row, score, unlike in candidates.choose(n, apart)
    )


@dataclass(frozen=True, eq=False)
class _Candidates:
    """Predicted moments, of which some are chosen.

    Parameters
    ----------
    moments
        (T,) rows of the sync.
    problems
        (T,) how much is wrong.
    free
        (T,) which may be chosen.
    spread
        Their poses.
    labelled
        Which are labelled, as indices.
    """

    moments: IntArray
    problems: npt.NDArray[np.float32]
    free: BoolArray
    spread: PoseSpread
    labelled: IntArray

    def choose(self, n: int, apart: int) -> list[tuple[int, float, float]]:
        """Index, score, and how unlike the others its pose is, one after the other."""
        free, unlike = self.free.copy(), self.spread.unlike(self.labelled)
        chosen: list[tuple[int, float, float]] = []
        while len(chosen) < n and free.any():
            # levels off: the most unlike of all are often just wrong
            novelty = 1 - np.exp(-(unlike**2))
            gain = (self.problems + _WORTH) * (_KNOWN_POSE + (1 - _KNOWN_POSE) * novelty)
            row = int(np.where(free, gain, -1).argmax())
            chosen.append((row, float(gain[row]), float(unlike[row])))
            free &= np.abs(self.moments - self.moments[row]) >= apart
            unlike = np.minimum(unlike, self.spread.unlike(row))
        return chosen


def _reasons(findings: Sequence[Finding], row: int, unlike: float) -> tuple[str, ...]:
    reasons = [reason for each in findings if (reason := each.reason(row)) is not None]
    if unlike > _UNLIKE:
        reasons.append("a pose not labelled yet")
    return tuple(reasons) or ("a pose between those labelled or suggested",)


def _is_seen(session: LabelingSession, predicted: Predicted) -> BoolArray:
    """(T,) moments with a prediction and with frames to label."""
    known = np.isfinite(predicted.positions[..., 0]).any(axis=(1, 2))
    return np.asarray(known & have_frames(session)[predicted.moments])


def _unfinished(session: LabelingSession, moments: IntArray, is_labelled: BoolArray) -> BoolArray:
    """(T,) moments of which some keypoints are labelled and some are not."""
    unfinished = is_labelled.copy()
    ids = session.subject.sync.sample_ids
    for row in np.flatnonzero(is_labelled):
        unfinished[row] = not session.solution(int(ids[moments[row]])).complete.all()
    return unfinished


def _stretches(moments: IntArray, labelled: IntArray, apart: int, n: int) -> list[list[int]]:
    """Evenly spread moments of each stretch between two labelled ones, n in all."""
    free = moments[away_from(moments, labelled) >= apart]
    parts = np.split(free, np.searchsorted(free, labelled))
    parts = [part for part in parts if len(part)]
    lengths = np.array([len(part) for part in parts], dtype=np.float64)
    counts = np.zeros(len(parts), dtype=np.int64)
    for _ in range(min(n, len(free))):
        counts[(lengths / (counts + 1)).argmax()] += 1
    return [
        part[((np.arange(count) + 0.5) * len(part) / count).astype(np.intp)].tolist()
        for part, count in zip(parts, counts.tolist(), strict=True)
        if count
    ]


def _even_reason(moment: int, labelled: IntArray) -> str:
    if not len(labelled):
        return "nothing is labelled yet: spread evenly over the recording"
    away = int(away_from(np.array([moment]), labelled)[0])
    return f"{away} frames from a labelled one"
