"""Reading and writing videos: the only package that uses PyAV."""

from slta.video.reading import Clips, Frames, clips, frames, probe, sample

__all__ = ["Clips", "Frames", "clips", "frames", "probe", "sample"]
