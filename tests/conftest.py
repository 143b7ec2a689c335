"""Where the reference numbers and real recordings lie, and what to do where they don't."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

# the same examples in every run; SDANNCE_FUZZ_EXAMPLES=500 looks for new ones
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None)
settings.load_profile("explore" if "SDANNCE_FUZZ_EXAMPLES" in os.environ else "steady")

# Windows make so many small objects that Python would look for garbage all the time, in all that
# earlier tests left in memory, too
gc.set_threshold(20_000, 20, 50)

CHECKOUT = Path(__file__).resolve().parents[1]

# Begun first, so that no process is left with one of them at the end when several share the tests.
# Those with windows come before the others: what other tests leave in memory slows them down.
LONG = (
    "widgets/test_label_sessions.py",
    "widgets/test_label_panel.py",
    "widgets/test_recording_panel.py",
    "widgets/test_label_mishaps.py",
    "widgets/test_label_help.py",
    "widgets/test_job_panel.py",
    "widgets/test_capture_panel.py",
    "widgets/test_calibrate_panel.py",
    "real/test_real_mouse.py",
    "capture/test_recorder_soak.py",
    "training/test_training_options.py",
    "training/test_going_on.py",
    "inference/test_prediction.py",
    "notebooks/test_notebooks.py",
    "inference/test_killed_jobs.py",
    "inference/test_sharing.py",
    "inference/test_memory.py",
    "inference/test_cluster.py",
    "inference/test_backends.py",
    "synthetic/test_render.py",
    "capture/test_whole_path.py",
    "capture/test_cli_capture.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first."""
    rank = {CHECKOUT / "tests" / name: i for i, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path, len(LONG)))


def _shared_folder(name: str) -> Path:
    """Folder `golden` or `data` of the shared folder; absent: skip, or fail on CI."""
    root = Path(os.environ.get("SDANNCE_SHARED", CHECKOUT.parent / "shared"))
    folder = root / name
    if folder.is_dir():
        return folder
    message = f"needs the folder {name}/ of the shared data: set SDANNCE_SHARED (looked in {root})"
    if os.environ.get("SDANNCE_REQUIRE_SHARED") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session", autouse=True)
def data_of_the_person(tmp_path_factory: pytest.TempPathFactory):
    """Folder in place of the one where programs keep a person's data."""
    folder = tmp_path_factory.mktemp("data of the person")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(folder))
        yield folder


@pytest.fixture
def small_disk():
    """A block in which no file can grow beyond 64 KiB, as if the disk were full."""
    resource = pytest.importorskip("resource")

    @contextmanager
    def limited():
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder with numbers of the reference implementation."""
    return _shared_folder("golden")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real recordings."""
    return _shared_folder("data")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Top of the source tree."""
    return CHECKOUT


@pytest.fixture(scope="session")
def disc_scene(tmp_path_factory: pytest.TempPathFactory):
    """An experiment folder whose two animals are four coloured discs each; see `DiscScene`."""
    scene = _module("disc_scene")
    return scene.write_disc_scene(tmp_path_factory.mktemp("discs") / "experiment")


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory):
    """Stills of a board: three cameras, 14 moments, the last on the floor; see `Filmed`."""
    return _module("board_scene").film_board(tmp_path_factory.mktemp("filmed") / "board")


def _module(name: str):
    """A module that lies beside this file; tests are no package."""
    spec = importlib.util.spec_from_file_location(name, CHECKOUT / "tests" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
