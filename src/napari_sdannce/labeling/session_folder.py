"""A labeling session on the disk: what is labelled, a snapshot, and a journal of every step."""

import getpass
import logging
import os
import socket
import time
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import h5py
import numpy as np
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import atomic_path
from napari_sdannce.labeling.frame_labels import KEPT, FrameLabels
from napari_sdannce.labeling.journal import Author, Entry, Journal, read_journal
from napari_sdannce.labeling.session import LabelingSession, Subject
from napari_sdannce.recording import Recording, Sync
from napari_sdannce.skeletons import RGBA, Skeleton

ABOUT = "session.json"
SNAPSHOT = "labels.h5"
JOURNAL = "journal.jsonl"
_LOCK = ".lock"
_HOLDER = "open_in.json"
_SNAPSHOT_EVERY = 200
_EXPECTED = f"a labeling session: a folder with {ABOUT}"
_FITTING = "labels of this recording, step by step"
_ARRAYS = ("points", "states", "locked", "authors", "times", "accepted")

logger = logging.getLogger(__name__)


class SessionInUseError(RuntimeError):
    """Another window has the session open."""


class SkeletonText(BaseModel):
    """A skeleton as it is written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    keypoints: tuple[str, ...]
    edges: tuple[tuple[int, int], ...] = ()
    colors: tuple[RGBA, ...] = ()
    pairs: tuple[tuple[int, int], ...] = ()


class About(BaseModel):
    """What a session is of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["napari-sdannce labels"] = "napari-sdannce labels"
    version: Literal[1] = 1
    recording: str
    views: tuple[str, ...]
    animals: tuple[str, ...]
    skeleton: SkeletonText


class Holder(BaseModel):
    """Who has a session open."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    computer: str
    process: int
    since: float

    @classmethod
    def me(cls, name: str) -> Self:
        """Make the holder that this process is."""
        return cls(name=name, computer=socket.gethostname(), process=os.getpid(), since=time.time())

    def __str__(self) -> str:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(self.since))
        return f"{self.name} on {self.computer} (process {self.process}), since {when}"


class SessionFolder:
    """A session that is open: nobody else may change it meanwhile.

    Use `create_session` or `open_session`.

    Parameters
    ----------
    path
        The folder.
    session
        Its labels, and the steps back and forth.
    """

    def __init__(self, path: Path, session: LabelingSession, lock: FileLock, writes: Journal):
        self.path = path
        self.session = session
        self._lock = lock
        self._journal = writes
        self._n_tried = session.n_entries

    def record(self, entry: Entry) -> None:
        """Write a step down; now and then the whole, so that opening stays quick.

        A snapshot that can not be written keeps nobody from labelling: the journal has every step.
        """
        if self.session.n_entries - self._n_tried >= _SNAPSHOT_EVERY:
            try:
                self.save()
            except OSError:
                logger.warning("no snapshot of %s was written", self.path, exc_info=True)
        self._journal.write(entry)

    def save(self) -> None:
        """Write a snapshot of the labels as they are after the last step.

        Raises
        ------
        OSError
            When it can not be written; no step is lost by that.
        """
        self._n_tried = self.session.n_entries
        with atomic_path(self.path / SNAPSHOT, overwrite=True) as draft:
            _write_snapshot(draft, self.session)

    def close(self) -> None:
        """Save, and let others open it.

        Raises
        ------
        OSError
            When the snapshot can not be written; others may open it all the same.
        """
        try:
            self.save()
        finally:
            self._journal.close()
            (self.path / _HOLDER).unlink(missing_ok=True)
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def create_session(
    path: Path, recording: Recording, skeleton: Skeleton, animals: tuple[str, ...], name: str = ""
) -> SessionFolder:
    """Make a new session and open it.

    Parameters
    ----------
    path
        Folder to make.
    recording
        What is labelled.
    skeleton, animals
        Keypoints of each animal, and its name.
    name
        Who labels; default: the name of the account.

    Raises
    ------
    FileExistsError
        When there is something in the folder already.
    """
    if path.exists() and any(path.iterdir()):
        raise FileExistsError(f"{path} is not empty; choose another name for the labels")
    subject = subject_of(recording, skeleton, animals)
    path.mkdir(parents=True, exist_ok=True)
    about = About(
        recording=recording.name,
        views=subject.views,
        animals=animals,
        skeleton=SkeletonText(
            name=skeleton.name,
            keypoints=skeleton.keypoints,
            edges=skeleton.edges,
            colors=skeleton.colors,
            pairs=skeleton.pairs,
        ),
    )
    with atomic_path(path / ABOUT) as draft:
        draft.write_text(about.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return open_session(path, recording, name)


def open_session(path: Path, recording: Recording, name: str = "") -> SessionFolder:
    """Open a session, every step of it, also those after which the program was killed.

    Raises
    ------
    FileFormatError
        When it is none, or damaged.
    SessionInUseError
        When another window has it open; the message says who.
    ValueError
        When the recording has other cameras.
    """
    session = _session_of(path, recording, name)
    lock = _locked(path, session.author.name)
    try:
        _restore(path, session)
        opened = SessionFolder(path, session, lock, Journal(path / JOURNAL))
        session.record = opened.record
        session.open()
    except BaseException:
        (path / _HOLDER).unlink(missing_ok=True)
        lock.release()
        raise
    return opened


def read_session(path: Path, recording: Recording) -> LabelingSession:
    """Read a session as it is on the disk, also one that another window has open.

    Nothing is written, not even a lock: it may be somebody else's, or lie where nobody may write.
    What is done in it is not recorded. A line of the journal that is being written is left out.

    Raises
    ------
    FileFormatError
        When it is none, is damaged, or has moments that the recording does not have.
    ValueError
        When the recording has other cameras.
    """
    session = _session_of(path, recording)
    _restore(path, session)
    return session


def _session_of(path: Path, recording: Recording, name: str = "") -> LabelingSession:
    """A session of what a folder says that it is of, without labels yet."""
    about = read_about(path)
    if set(about.views) != set(recording.names):
        raise ValueError(
            f"{path}: the labels are of the cameras {', '.join(about.views)}, the recording has "
            f"{', '.join(recording.names)}"
        )
    try:
        skeleton = Skeleton(**dict(about.skeleton))
    except ValueError as error:
        raise FileFormatError(path / ABOUT, str(error), _EXPECTED) from error
    subject = subject_of(recording.select(about.views), skeleton, about.animals)
    return LabelingSession(subject, Author(name=name or account(), session=uuid.uuid4().hex))


def account() -> str:
    """Name of the account; of one without a name, as in containers, its number."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def read_about(path: Path) -> About:
    """What a session is of.

    Raises
    ------
    FileFormatError
        When the folder holds none.
    """
    file = path / ABOUT
    try:
        return About.model_validate_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error.strerror}", _EXPECTED) from error
    except ValidationError as error:
        first = error.errors()[0]
        reason = f"not readable: {first['msg']}"
        if first["loc"] == ("version",):
            reason = f"another version of this program made it (format {first['input']})"
        raise FileFormatError(file, reason, _EXPECTED) from error
    except UnicodeDecodeError as error:
        raise FileFormatError(file, "not readable: it is no text", _EXPECTED) from error


def subject_of(recording: Recording, skeleton: Skeleton, animals: tuple[str, ...]) -> Subject:
    """What is labelled in a recording."""
    cameras = tuple(view.camera for view in recording.views)
    sync = recording.sync
    if sync is None:
        from napari_sdannce.video import RecordingVideo

        with RecordingVideo(recording) as video:
            sync = Sync.identity(video.n_moments, len(recording.views))
    return Subject(recording.names, cameras, skeleton, animals, sync)


def _locked(path: Path, name: str) -> FileLock:
    lock = FileLock(path / _LOCK, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        who = "another window"
        with suppress(OSError, ValueError, OverflowError):  # torn, or of other times
            who = str(Holder.model_validate_json((path / _HOLDER).read_text(encoding="utf-8")))
        raise SessionInUseError(f"{path.name} is open already: {who}") from None
    try:
        (path / _HOLDER).write_text(Holder.me(name).model_dump_json() + "\n", encoding="utf-8")
    except OSError:
        lock.release()
        raise
    return lock


def _restore(path: Path, session: LabelingSession) -> None:
    """Fill a session with the snapshot and the steps after it."""
    if (path / SNAPSHOT).exists():
        _read_snapshot(path / SNAPSHOT, session)
    left = read_journal(path / JOURNAL, after=session.n_entries)
    if left and left[0].number != session.n_entries + 1:
        raise FileFormatError(
            path / JOURNAL,
            f"it goes on at step {left[0].number}, the snapshot is of step {session.n_entries}",
            _EXPECTED,
        )
    try:
        session.replay(left)
    except ValueError as error:
        raise FileFormatError(path / JOURNAL, str(error), _FITTING) from error


def _write_snapshot(path: Path, session: LabelingSession) -> None:
    # in memory first: HDF5 that finds the disk full takes the whole program down with it
    image = _snapshot(session)
    with path.open("wb") as file:
        file.write(image)
        file.flush()
        os.fsync(file.fileno())


def _snapshot(session: LabelingSession) -> bytes:
    """Content of an HDF5 file."""
    keys = sorted(session.frames)
    with h5py.File(SNAPSHOT, "w", driver="core", backing_store=False) as file:
        file.attrs["n_entries"] = session.n_entries
        file.attrs["authors"] = [author.model_dump_json() for author in session.authors]
        file["sample_ids"] = np.array(keys, dtype=np.int64)
        empty = FrameLabels.empty(*session.subject.shape)
        for name in _ARRAYS:
            like = getattr(empty, name)
            array = np.zeros((len(keys), *like.shape), like.dtype)
            for row, key in enumerate(keys):
                array[row] = getattr(session.frames[key], name)
            file.create_dataset(name, data=array, compression="gzip" if keys else None)
        file.flush()
        return bytes(file.id.get_file_image())


def _read_snapshot(path: Path, session: LabelingSession) -> None:
    expected = "a snapshot of labels"
    try:
        with h5py.File(path, "r") as file:
            arrays = {name: file[name][:] for name in _ARRAYS}
            keys = file["sample_ids"][:].tolist()
            session.n_entries = int(file.attrs["n_entries"])
            session.authors = [Author.model_validate_json(text) for text in file.attrs["authors"]]
    except (OSError, KeyError, ValidationError) as error:
        raise FileFormatError(path, f"not readable: {error}", expected) from error
    unknown = np.setdiff1d(keys, session.subject.sync.sample_ids)
    if len(unknown):
        raise FileFormatError(path, f"the recording has no moment {unknown[0]}", _FITTING)
    like = FrameLabels.empty(*session.subject.shape)
    for name, array in arrays.items():
        shape = (len(keys), *getattr(like, name).shape)
        if array.shape != shape:
            raise FileFormatError(
                path, f"'{name}' has the shape {array.shape}, not {shape}", expected
            )
    if not np.isin(arrays["states"], KEPT).all():
        raise FileFormatError(path, "it has points in states that are not known", expected)
    for row, key in enumerate(keys):
        session.frames[key] = FrameLabels(**{name: arrays[name][row] for name in _ARRAYS})
