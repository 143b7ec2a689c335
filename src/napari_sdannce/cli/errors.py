"""What the command line says when it can not go on: one line, or a traceback for our own faults."""

from __future__ import annotations

import traceback
from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_EXTRA_OF = {
    "torch": "torch",
    "safetensors": "torch",
    "openvino": "openvino",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "distributed": "cluster",
    "dask_jobqueue": "cluster",
    "napari": "all",
    "qtpy": "all",
    "magicgui": "all",
    "superqt": "all",
    "pyqtgraph": "all",
    "vispy": "all",
}


def in_one_line(error: Exception) -> str | None:
    """Say in one line what a person can mend; None when the fault is the program's own."""
    text = _sentence(error)
    return None if text is None else " ".join(text.split())


def _sentence(error: Exception) -> str | None:
    if isinstance(error, ModuleNotFoundError):
        extra = _EXTRA_OF.get((error.name or "").split(".")[0])
        how = f"pip install 'napari-sdannce[{extra}]'"
        return f"this needs the package '{error.name}': {how}" if extra else None
    if isinstance(error, MemoryError):
        return "the memory is full; a smaller batch_size, or fewer voxels, takes less"
    # torch's own is a RuntimeError, and torch may not be installed
    if type(error).__name__ == "OutOfMemoryError":
        return "the memory of the GPU is full; a smaller batch_size, or fewer voxels, takes less"
    if isinstance(error, OSError):
        return _of_system(error)
    is_ours = type(error).__module__.partition(".")[0] == _PACKAGE.name
    if is_ours or (isinstance(error, ValueError) and _is_a_check_of_ours(error)):
        return str(error)
    return None


def _of_system(error: OSError) -> str:
    if error.filename is None or error.strerror is None:
        return str(error)
    return f"{error.filename}: {error.strerror[:1].lower()}{error.strerror[1:]}"


def _is_a_check_of_ours(error: Exception) -> bool:
    """Whether we raised an error, and not a library that we called wrongly."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return _PACKAGE in Path(last.filename).parents
