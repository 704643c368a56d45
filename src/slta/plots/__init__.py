"""Plots of answers, frames, data sets, trainings and comparisons."""
