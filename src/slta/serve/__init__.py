"""A page and a service for the videos of a folder."""
