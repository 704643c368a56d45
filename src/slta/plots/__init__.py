"""Pictures: answers, their frames, data sets, trainings and comparisons."""
