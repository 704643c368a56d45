"""What the program says when it cannot go on with what it was given."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    Its message is one line with the value and the remedy; the command line prints it
    as it is and exits with 2.
    """


class UnwritableError(InputError):
    """The disk is full or forbidden, whatever was to be kept."""
