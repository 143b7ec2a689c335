"""Frame-exact video reading, lazily, and writing."""

from .errors import VideoError
from .reader import VideoReader

__all__ = ["VideoError", "VideoReader"]
