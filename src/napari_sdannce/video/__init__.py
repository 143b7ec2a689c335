"""Frame-exact video reading, and writing; videos as arrays are in `lazy`, which needs dask."""

from .camera_video import CameraVideo
from .encoding import Encoding
from .errors import VideoError
from .reader import VideoReader
from .recording_video import RecordingVideo
from .writer import VideoWriter

__all__ = [
    "CameraVideo",
    "Encoding",
    "RecordingVideo",
    "VideoError",
    "VideoReader",
    "VideoWriter",
]
