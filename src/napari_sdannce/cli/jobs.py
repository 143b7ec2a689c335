"""``sdannce jobs``: the jobs of an experiment, and stopping one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from napari_sdannce.cli.default_command import DefaultGroup
from napari_sdannce.jobs.words import remaining

if TYPE_CHECKING:
    from napari_sdannce.jobs.background import BackgroundJob

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False, resolve_path=True)


@click.group(cls=DefaultGroup, default="list")
def jobs() -> None:
    """Jobs that were started in the background, as the panels do.

    `sdannce jobs [FOLDER]` lists those of an experiment.
    """


@jobs.command("list")
@click.argument("folder", default=".", type=FOLDER)
def list_jobs(folder: Path) -> None:
    """List the jobs of an experiment, the newest first."""
    from napari_sdannce.jobs.background import jobs_of

    found = jobs_of(folder)
    for job in found:
        click.echo(_line(job))
    if not found:
        click.echo(f"{folder}: no jobs")


@jobs.command("stop")
@click.argument("job_id", metavar="ID")
@click.argument("folder", default=".", type=FOLDER)
@click.option("--now", is_flag=True, help="End it at once; what it did last is lost.")
def stop_job(job_id: str, folder: Path, now: bool) -> None:
    """Ask a job to save what it has and to end."""
    from napari_sdannce.jobs.background import State, find_job

    job = find_job(folder, job_id)
    state = job.state()
    if state is not State.RUNNING:
        raise ValueError(f"{job.id} can not be stopped from here: it is {state}")
    (job.kill if now else job.stop)()
    click.echo(f"{job.id}: {'ended' if now else 'asked to stop'}")


def _line(job: BackgroundJob) -> str:
    """One job in one line."""
    from napari_sdannce.jobs.course import Course
    from napari_sdannce.jobs.following import Following

    course = Course()
    course.add(Following(job.events_file).new())
    parts = [job.id, str(job.state())]
    if course.end is None and course.total:
        share = f"{course.task} {course.done}/{course.total} {course.unit}"
        parts += [share, remaining(course.seconds_left)]
    return "  ".join(part for part in parts if part)
