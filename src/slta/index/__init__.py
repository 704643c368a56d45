"""An index of many videos: looked at once, searched many times, kept up to date."""
