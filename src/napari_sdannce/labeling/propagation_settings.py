"""When propagation believes what a view says."""

from __future__ import annotations

from dataclasses import dataclass, field

from napari_sdannce.labeling.flow import FlowSettings


@dataclass(frozen=True, slots=True)
class PropagationSettings:
    """When views are believed. Pixels are those of an image whose longer side has 1000.

    Parameters
    ----------
    flow
        How points are followed in a view.
    disagreement
        A view whose point moved otherwise than the others say, by more than this in one step, is
        left out, px.
    strain
        So is one that goes on to disagree, a little each time but always the same way: the limit of
        the sum of its disagreements, older ones counting less, px. It does not come back.
    memory
        How much less: factor a step.
    majority
        Share of the views that followed a keypoint, weighted by trust, more than which must still
        agree on it. Two at least do.
    recognised
        Least correlation of what is seen with what was last seen for a view to come back.
    sigma
        How far a step may lead astray though its round trip is perfect, px.
    apart
        Positions from the two ends of a gap that are farther from one another than this, seen from
        any view, are both given up, px.
    """

    flow: FlowSettings = field(default_factory=FlowSettings)
    disagreement: float = 3.0
    strain: float = 6.0
    memory: float = 0.9
    majority: float = 0.5
    recognised: float = 0.8
    sigma: float = 0.5
    apart: float = 25.0

    def __post_init__(self) -> None:
        for name in ("disagreement", "strain", "sigma", "apart"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        for name in ("memory", "majority", "recognised"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
