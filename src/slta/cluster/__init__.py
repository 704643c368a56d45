"""Work on many machines, as tasks of Ray.

Ray runs in a process of its own (``driver``): in this one it would print over the progress
bar, take the signals, and end the program with the cluster.
"""

from slta.cluster.exchange import NotHere, Undone, Unfit, Work, results

__all__ = ["NotHere", "Undone", "Unfit", "Work", "results"]
