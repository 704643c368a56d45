"""An index of many videos: looked at once, searched many times, kept up to date."""

from slta.index.answers import Hit, Hits
from slta.index.library import Index
from slta.index.status import Status

__all__ = ["Hit", "Hits", "Index", "Status"]
