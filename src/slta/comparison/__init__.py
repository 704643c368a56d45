"""Several experiments, trained alike and compared."""
