"""An experiment becomes a run."""
