"""What a job made, and showing it in the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_sdannce.settings.events import JobDone
from napari_sdannce.widgets import napari_adapter
from napari_sdannce.widgets.opening import FoundFile, Kind

if TYPE_CHECKING:
    from napari_sdannce.jobs.background import BackgroundJob
    from napari_sdannce.jobs.course import Course
    from napari_sdannce.widgets.recording_panel import RecordingPanel

_KINDS = {"com": Kind.COM}


@dataclass(frozen=True)
class Result:
    """What a job made.

    Parameters
    ----------
    experiment
        Where it belongs.
    path
        The prediction store, or the network.
    found
        As what it is drawn over the cameras; None: it is a network.
    of_coms
        Whether the job was one of centres of mass.
    """

    experiment: Path
    path: Path
    found: FoundFile | None
    of_coms: bool

    @property
    def invitation(self) -> str:
        """What its button says."""
        return "Predict with this network" if self.found is None else "Load result"


def result_of(job: BackgroundJob, course: Course) -> Result | None:
    """What a job made so far; None while there is nothing."""
    experiment, of_coms = job.note.experiments[0], job.note.what[1] == "com"
    if job.note.what[0] == "train":
        network = _network(job, course)
        return None if network is None else Result(experiment, network, None, of_coms)
    store = next(iter(sorted(job.note.output.glob("*.zarr"))), None) if job.note.output else None
    if store is None or not (course.done or isinstance(course.end, JobDone)):
        return None
    kind = _KINDS.get(job.note.what[1], Kind.POSES)
    return Result(experiment, store, FoundFile(store, kind), of_coms)


def _network(job: BackgroundJob, course: Course) -> Path | None:
    """The best network of a training, else the last."""
    if course.best and Path(course.best).is_file():
        return Path(course.best)
    if job.note.output is None:
        return None
    folder = job.note.output / "checkpoints"
    named = (folder / "best.safetensors", folder / "last.safetensors")
    return next(filter(job.wrote, named), None)


def show_result(panel: RecordingPanel, result: Result) -> None:
    """Draw a result over its recording; that is opened first when another one is on screen."""
    found = result.found
    assert found is not None
    shown = panel.shown
    if shown is not None and shown.recording.folder == result.experiment:
        panel.show_file(found)
        return

    def then() -> None:
        panel.opened.disconnect(then)
        if panel.shown is not None and panel.shown.recording.folder == result.experiment:
            # the panel is still busy with the opening
            napari_adapter.later(lambda: panel.show_file(found))

    panel.opened.connect(then)
    panel.open(result.experiment)
