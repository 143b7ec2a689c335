"""A job on a cluster: stretches of chunks are the tasks, and all write into one store."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any

import torch

from napari_sdannce.inference.filling import Clock, rows_in
from napari_sdannce.settings.events import Message

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from distributed import Client

    from napari_sdannce.inference.processes import Predict
    from napari_sdannce.settings.base import ClusterJobSettings, ClusterKind, PredictSettings
    from napari_sdannce.settings.events import Event

Missing = Callable[[], "Sequence[range]"]

_PATIENCE_S = 120  # a queue that took no job by then takes none; processes begin more quickly


def on_cluster(
    predict: Predict, settings: PredictSettings, task: str, missing: Missing
) -> Generator[Event, None, list[str]]:
    """Let the jobs of a cluster fill a store, which must lie on a disk that all of them see.

    Parameters
    ----------
    predict
        The job.
    settings
        Of the whole job; they name the cluster.
    task
        What it is called.
    missing
        Chunks that are still to be written.

    Yields
    ------
    Event
        Progress of all together, each message once.

    Returns
    -------
    Why tasks failed, a sentence each.

    Raises
    ------
    ValueError
        When the cluster takes no jobs.
    """
    assert settings.cluster is not None
    check_cluster(settings)
    try:
        return (yield from _handed_out(predict, settings, task, missing))
    except (TimeoutError, AssertionError) as error:  # the edge of a library
        # closing a cluster without jobs fails, too: what failed first says more
        cause = error.__context__ or error
        raise ValueError(
            f"cluster '{settings.cluster}': no job could be had ({cause or type(cause).__name__}); "
            "what its commands said stands in the log"
        ) from error


def check_cluster(settings: PredictSettings) -> None:
    """Raise ValueError when this machine can not hand in jobs to the cluster that is asked for."""
    command = SUBMIT.get(settings.cluster) if settings.cluster else None
    if command is not None and shutil.which(command) is None:
        raise ValueError(
            f"cluster '{settings.cluster}' needs the command '{command}', and this machine has "
            "none on its PATH: start the prediction on a machine that can hand in jobs, or use "
            "cluster 'local', or 'devices' and 'workers'"
        )


def _handed_out(
    predict: Predict, settings: PredictSettings, task: str, missing: Missing
) -> Generator[Event, None, list[str]]:
    from distributed import Client, as_completed

    assert settings.cluster is not None
    job = settings.cluster_job
    clock = Clock(task, rows_in(missing()))
    failures: list[str] = []
    told: set[str] = set()
    with CLUSTERS[settings.cluster](job) as cluster, Client(cluster) as client:
        # not scaled: a job that the queue has ended is asked for again
        cluster.adapt(minimum=job.count, maximum=job.count)
        _wait_for_first_job(cluster, client)
        # as a task of its own, which is done anew when the job that holds its result ends: each
        # task would else carry the whole trace along, and scattered data would be lost
        shared = client.submit(_itself, predict, pure=False)
        alone = settings.model_copy(update={"cluster": None})
        futures = {
            client.submit(_predict_rows, shared, alone, rows, pure=False): rows
            for rows in tasks_of(missing(), job.chunks)
        }
        for future in as_completed(futures):
            error = future.exception()
            messages = [] if error else future.result()
            if error:
                rows = futures[future]
                text = f"the task of frames {rows.start} to {rows.stop - 1} failed: {error}"
                failures.append(text)
                messages = [Message(level="warning", text=text)]
            yield from (message for message in messages if message.text not in told)
            told.update(message.text for message in messages)
            clock.done = clock.total - rows_in(missing())
            yield clock.now()
    return failures


def _wait_for_first_job(cluster: Any, client: Client) -> None:
    """Wait as long as the queue lets jobs wait; TimeoutError when it took none of them."""
    from distributed import Status

    while True:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError:
            if all(job.status is Status.created for job in cluster.workers.values()):
                raise
        else:
            return


def tasks_of(missing: Sequence[range], chunks: int) -> list[range]:
    """Rows of the tasks, each of at most so many chunks that follow one another."""
    tasks: list[range] = []
    count = 0
    for chunk in missing:
        if tasks and tasks[-1].stop == chunk.start and count < chunks:
            tasks[-1], count = range(tasks[-1].start, chunk.stop), count + 1
        else:
            tasks.append(chunk)
            count = 1
    return tasks


def _itself(predict: Predict) -> Predict:
    return predict


def _predict_rows(predict: Predict, settings: PredictSettings, rows: range) -> list[Message]:
    """Predict some rows; what a task does. Messages are for the one who waits."""
    torch.set_num_threads(settings.cluster_job.cores)
    with closing(predict(settings, only=rows)) as job:
        return [event for event in job if isinstance(event, Message)]


def _local(job: ClusterJobSettings) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=0,
        threads_per_worker=1,
        memory_limit=job.memory,
        dashboard_address=None,
    )


def _job_queues() -> Any:
    """The library; importing it must not change what Ctrl-C does here, as it would."""
    interrupted = signal.getsignal(signal.SIGINT)
    import dask_jobqueue

    signal.signal(signal.SIGINT, interrupted)
    return dask_jobqueue


def _queued(name: str, *, account: str) -> Callable[[ClusterJobSettings], Any]:
    """Jobs of a queueing system; `account` is what its settings call that."""

    def make(job: ClusterJobSettings) -> Any:
        return getattr(_job_queues(), name)(
            cores=job.cores,
            memory=job.memory,
            processes=1,
            queue=job.queue,
            walltime=job.walltime,
            job_extra_directives=list(job.directives),
            job_script_prologue=list(job.setup),
            # one task at a time: it uses all cores by itself
            worker_extra_args=["--nthreads", "1"],
            **{account: job.account},
        )

    return make


CLUSTERS: dict[ClusterKind, Callable[[ClusterJobSettings], Any]] = {
    "local": _local,
    "slurm": _queued("SLURMCluster", account="account"),
    "pbs": _queued("PBSCluster", account="account"),
    "sge": _queued("SGECluster", account="project"),
    "lsf": _queued("LSFCluster", account="project"),
}
"""What asks for processes, by the name that settings use."""

SUBMIT: dict[ClusterKind, str] = {"slurm": "sbatch", "pbs": "qsub", "sge": "qsub", "lsf": "bsub"}
"""The command that hands in a job; processes of this machine need none."""
