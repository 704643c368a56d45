"""Videos read and written: the only package that knows the decoder."""

from slta.video.reading import Clips, Frames, clips, frames, probe, sample

__all__ = ["Clips", "Frames", "clips", "frames", "probe", "sample"]
