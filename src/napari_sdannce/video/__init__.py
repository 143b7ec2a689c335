"""Frame-exact video reading, lazily, and writing."""

from .camera_video import CameraVideo
from .encoding import Encoding
from .errors import VideoError
from .lazy import FrameArray, LazyVideo
from .reader import VideoReader
from .recording_video import RecordingVideo
from .writer import VideoWriter

__all__ = [
    "CameraVideo",
    "Encoding",
    "FrameArray",
    "LazyVideo",
    "RecordingVideo",
    "VideoError",
    "VideoReader",
    "VideoWriter",
]
