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

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.files.writing import atomic_path
from napari_sdannce.labeling.journal import Author, Entry, Journal, read_journal
from napari_sdannce.labeling.session import LabelingSession, Subject
from napari_sdannce.labeling.snapshot import FITTING, SNAPSHOT, read_snapshot, write_snapshot
from napari_sdannce.recording import Recording, Sync
from napari_sdannce.skeletons import RGBA, Skeleton

ABOUT = "session.json"
JOURNAL = "journal.jsonl"
_LOCK = ".lock"
_DAMAGED = "labels.damaged.h5"
_HOLDER = "open_in.json"
_SNAPSHOT_EVERY = 200
_EXPECTED = f"a labeling session: a folder with {ABOUT}"

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
            write_snapshot(draft, self.session)

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
        if not _restore(path, session):
            (path / SNAPSHOT).replace(path / _DAMAGED)
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


def _restore(path: Path, session: LabelingSession) -> bool:
    """Fill a session with the snapshot and the steps after it; whether the snapshot was sound.

    Without a sound one the journal alone tells all, as long as it begins at the beginning.
    """
    damage: FileFormatError | None = None
    if (path / SNAPSHOT).exists():
        try:
            read_snapshot(path / SNAPSHOT, session)
        except FileFormatError as error:
            damage = error
    left = read_journal(path / JOURNAL, after=session.n_entries)
    first = left[0].number if left else None
    if damage is not None and first != 1:
        raise damage
    if first is not None and first != session.n_entries + 1:
        raise FileFormatError(
            path / JOURNAL,
            f"it goes on at step {first}, the snapshot is of step {session.n_entries}",
            _EXPECTED,
        )
    try:
        session.replay(left)
    except ValueError as error:
        raise FileFormatError(path / JOURNAL, str(error), FITTING) from error
    return damage is None
