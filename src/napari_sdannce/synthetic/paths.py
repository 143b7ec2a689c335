"""The paths of animals that act.

Each animal is a bicycle: its pelvis rolls along its own heading, and the chest, bent to one side,
steers. Acts say where it wants to go; animals, walls and obstacles push back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from napari_sdannce.synthetic.behaviour import Act, ActKind, Ground, Script, made_up
from napari_sdannce.synthetic.bumping import circles, overlap, way_back

if TYPE_CHECKING:
    from collections.abc import Iterator

FloatArray = npt.NDArray[np.float64]

STEP_S = 0.01
"""Time step of the simulation, s."""
WARM_UP_S = 1.5
"""Simulated before the first frame and after the last, so that no end shows, s."""

_WHEELBASE = 120.0
_HEAD_REACH = np.array([25.0, 172.0])
_MAX_BEND = 0.95
_PUSHES = 4
_FAR_MM = 260.0


@dataclass(frozen=True, eq=False)
class Track:
    """Paths and wishes of the animals, (S, A) each, every `STEP_S` seconds.

    `x`, `y` (mm) and `heading` (radians) are those of the pelvis, `bend` is how much the chest is
    turned away from it; `look` and `nod` turn the head, left and up; `rear`, `groom` and `sniff`
    (0..1) say how much of that posture is taken.
    """

    x: FloatArray
    y: FloatArray
    heading: FloatArray
    bend: FloatArray
    look: FloatArray
    nod: FloatArray
    rear: FloatArray
    groom: FloatArray
    sniff: FloatArray


@dataclass
class _Agent:
    """One animal while it is simulated."""

    scale: float
    acts: Iterator[Act]
    rng: np.random.Generator
    x: float
    y: float
    heading: float
    act: Act = field(default_factory=lambda: Act(ActKind.PAUSE, 0.0))
    left: float = 0.0
    speed: float = 0.0
    bend: float = 0.0
    bend_rate: float = 0.0
    look: float = 0.0
    nod: float = 0.0
    rear: float = 0.0
    groom: float = 0.0
    sniff: float = 0.5

    @property
    def chest_heading(self) -> float:
        return self.heading + self.bend

    def circles(self) -> FloatArray:
        """(6, 3) x, y, radius of discs that cover the animal, mm."""
        return np.asarray(circles(self.x, self.y, self.heading, self.bend, self.look, self.scale))

    def nose(self) -> FloatArray:
        reach = self.scale * _HEAD_REACH
        ahead = reach[0] * _direction(self.heading) + reach[1] * _direction(self.chest_heading)
        return np.asarray(np.array([self.x, self.y]) + ahead)

    def state(self) -> tuple[float, ...]:
        return (self.x, self.y, self.heading, self.bend, self.look, self.nod, self.rear,
                self.groom, self.sniff)  # fmt: skip


def simulate(
    n_steps: int, ground: Ground, scales: FloatArray, seed: int, script: Script | None = None
) -> Track:
    """Let the animals live for `n_steps` steps of `STEP_S`.

    Parameters
    ----------
    scales
        (A,) sizes of the animals.
    script
        Acts of each animal; made up from the seed when None.

    Returns
    -------
    Smooth tracks.
    """
    n_animals = len(scales)
    agents = [_born(i, n_animals, ground, scales, seed, script) for i in range(n_animals)]
    states = np.empty((n_steps, n_animals, 9))
    for step in range(n_steps):
        for i, agent in enumerate(agents):
            _advance(agent, i, agents, ground, step * STEP_S)
        _push_apart(agents, ground)
        states[step] = [agent.state() for agent in agents]
    states[..., 2] = np.unwrap(states[..., 2], axis=0)
    width = np.array([6, 6, 6, 7, 9, 10, 12, 12, 16])
    columns = [
        gaussian_filter1d(states[..., k], width[k], axis=0, mode="nearest")
        for k in range(states.shape[-1])
    ]
    return Track(*columns)


def _born(
    i: int, n: int, ground: Ground, scales: FloatArray, seed: int, script: Script | None
) -> _Agent:
    rng = np.random.default_rng([seed, i, 7])
    if script is not None:
        (x, y), heading, acts = script[i].place, script[i].heading, iter(script[i].acts)
    else:
        azimuth = 2 * np.pi * (i + rng.uniform(0.2, 0.8)) / n
        x, y = 0.5 * ground.radius * _direction(azimuth)
        heading = azimuth + rng.uniform(1.5, 4.5)
        acts = made_up(i, n, ground, rng)
    return _Agent(float(scales[i]), acts, rng, float(x), float(y), float(heading))


def _advance(agent: _Agent, i: int, agents: list[_Agent], ground: Ground, now: float) -> None:
    agent.left -= STEP_S
    if agent.left <= 0:
        agent.act = next(agent.acts, Act(ActKind.PAUSE, 2.0))
        agent.left = agent.act.seconds
    goal, pace = _goal(agent, agents)
    wish = _steered(agent, i, agents, ground, goal) if pace > 0 else agent.heading
    turn = float(np.clip(_wrapped(wish - agent.heading), -_MAX_BEND, _MAX_BEND))
    if pace <= 0:
        turn = 0.3 * agent.bend
    # a bend that follows the wish like a critically damped spring
    agent.bend_rate += STEP_S * (36.0 * (turn - agent.bend) - 12.0 * agent.bend_rate)
    agent.bend += STEP_S * agent.bend_rate
    astray = abs(_wrapped(wish - agent.chest_heading))
    speed = pace * max(0.0, np.cos(min(astray, 1.5))) * (1 - 0.55 * abs(agent.bend) / _MAX_BEND)
    agent.speed += STEP_S * 4.0 * (speed * (1 - agent.rear) * (1 - agent.groom) - agent.speed)
    swivel = 1.6 if pace > 0 else 0.25
    swivel *= (1 - agent.rear) * (1 - agent.groom)
    wheelbase = _WHEELBASE * agent.scale
    agent.heading += STEP_S * (agent.speed * np.sin(agent.bend) / wheelbase + swivel * agent.bend)
    agent.x += STEP_S * agent.speed * np.cos(agent.heading)
    agent.y += STEP_S * agent.speed * np.sin(agent.heading)
    _posture(agent, i, agents, now)


def _goal(agent: _Agent, agents: list[_Agent]) -> tuple[FloatArray, float]:
    """Where the animal wants its nose, and how fast it wants to go (0: stay)."""
    act = agent.act
    goal = np.array(act.target)
    nose = agent.nose()
    if act.kind is ActKind.WALK:
        near = float(np.linalg.norm(goal - nose))
        if near < 30:
            agent.left = 0.0
        return goal, act.speed * min(1.0, near / 60)
    other = agents[act.other]
    if other is agent or act.kind in (ActKind.PAUSE, ActKind.REAR, ActKind.GROOM):
        return goal, 0.0
    if act.kind is ActKind.APPROACH:
        circles = other.circles()[1:3, :2]
        goal = circles[np.argmin(np.linalg.norm(circles - nose, axis=1))]
        near = float(np.linalg.norm(goal - nose)) - 38 * other.scale
        return goal, act.speed * float(np.clip(near / 50, 0, 1))
    back, side = _direction(other.heading), _direction(other.heading + np.pi / 2)
    place = np.array([other.x, other.y])
    if act.kind is ActKind.FOLLOW:
        goal = place - 70 * back
        near = float(np.linalg.norm(goal - nose))
        return goal, act.speed * float(np.clip(near / 60, 0, 1))
    left = float(np.sign((np.array([agent.x, agent.y]) - place) @ side) or 1.0)
    goal = place + 150 * _direction(other.chest_heading) + 74 * left * side
    near = float(np.linalg.norm(goal - nose))
    return goal, act.speed * float(np.clip((near - 15) / 60, 0, 1))


def _steered(
    agent: _Agent, i: int, agents: list[_Agent], ground: Ground, goal: FloatArray
) -> float:
    """Heading towards the goal, bent away from what is in the way."""
    chest = agent.circles()[2, :2]
    ahead = goal - chest
    way = ahead / max(float(np.linalg.norm(ahead)), 1.0)
    wanted = agent.act.other if agent.act.kind is not ActKind.WALK else -1
    hindrances = [np.array([obstacle]) for obstacle in ground.obstacles]
    hindrances += [o.circles() for j, o in enumerate(agents) if j not in (i, wanted)]
    for discs in hindrances:
        if np.abs(chest - discs[len(discs) // 2, :2]).max() > _FAR_MM:
            continue
        for x, y, r in discs:
            away = chest - (x, y)
            gap = float(np.linalg.norm(away))
            strength = np.clip(1 - (gap - r - 45) / 70, 0, 1)
            if strength > 0 and way @ away < 0:
                side = np.array([-away[1], away[0]]) / gap
                side *= np.sign(side @ way) or 1.0
                way = way + strength * (1.2 * side + 0.5 * away / gap)
    out = float(np.linalg.norm(chest))
    rim = np.clip((out - (ground.radius - 110)) / 60, 0, 1)
    if rim > 0 and way @ chest > 0 and agent.act.kind is not ActKind.WALK:
        way = way - rim * chest / out
    return float(np.arctan2(way[1], way[0]))


def _posture(agent: _Agent, i: int, agents: list[_Agent], now: float) -> None:
    kind = agent.act.kind
    room = float(agent.speed < 30)
    phase = 1.7 * i + 0.9 * np.sin(0.31 * now)
    scan = 0.45 * np.sin(2.1 * now + phase) + 0.25 * np.sin(4.7 * now + 2 * phase)
    still = float(kind in (ActKind.PAUSE, ActKind.REAR))
    look = (0.35 + 0.65 * still) * scan + 0.35 * agent.bend
    if kind is ActKind.GROOM:
        look = 0.25 * np.sin(1.3 * now + phase)
    curious = _nearest_point(agent, i, agents)
    if curious is not None and kind is not ActKind.GROOM:
        towards = curious - agent.circles()[3, :2]
        turn = _wrapped(float(np.arctan2(towards[1], towards[0])) - agent.chest_heading)
        look = 0.3 * look + 0.8 * float(np.clip(turn, -0.9, 0.9))
    lift = (0.18 + 0.2 * np.sin(1.4 * now + 2.2 * phase)) * still
    quick = 6.0 * STEP_S
    agent.look += quick * (look - agent.look)
    agent.nod += quick * (lift - agent.nod)
    agent.rear += 4.5 * STEP_S * (room * (kind is ActKind.REAR) * agent.act.height - agent.rear)
    agent.groom += 4.0 * STEP_S * (room * (kind is ActKind.GROOM) - agent.groom)
    agent.sniff += 3.0 * STEP_S * (0.5 + 0.5 * np.sin(0.8 * now + 3 * phase) - agent.sniff)


def _nearest_point(agent: _Agent, i: int, agents: list[_Agent]) -> FloatArray | None:
    """The nearest part of another animal, when it is near enough to be looked at."""
    head = agent.circles()[3, :2]
    best, found = 110.0, None
    for j, other in enumerate(agents):
        if j == i or max(abs(other.x - agent.x), abs(other.y - agent.y)) > _FAR_MM + 200:
            continue
        circles = other.circles()
        gaps = np.linalg.norm(circles[:, :2] - head, axis=1) - circles[:, 2]
        k = int(np.argmin(gaps))
        if gaps[k] < best:
            best, found = float(gaps[k]), circles[k, :2]
    return found


def _push_apart(agents: list[_Agent], ground: Ground) -> None:
    """Move animals out of one another, of walls and of obstacles."""
    obstacles = np.array(ground.obstacles, dtype=np.float64).reshape(-1, 3)
    for _ in range(_PUSHES):
        moved = False
        for i, one in enumerate(agents):
            for other in agents[i + 1 :]:
                x, y = overlap(one.circles(), other.circles())
                one.x, one.y = one.x + x / 2, one.y + y / 2
                other.x, other.y = other.x - x / 2, other.y - y / 2
                moved = moved or x != 0 or y != 0
            x, y = way_back(one.circles(), obstacles, ground.radius)
            one.x, one.y = one.x + x, one.y + y
            moved = moved or x != 0 or y != 0
        if not moved:
            return


def _direction(angle: float) -> FloatArray:
    return np.array([np.cos(angle), np.sin(angle)])


def _wrapped(angle: float) -> float:
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
