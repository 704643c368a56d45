"""Errors that the user can mend."""


class InputError(ValueError):
    """Input that cannot be used.

    The message is one line with the value and the remedy; the command line prints it
    and exits with status 2.
    """


class UnwritableError(InputError):
    """A disk that is full, or a folder that may not be written."""
