"""Judging: which of two answers to one prompt is better, asked of a metric or of a model."""
