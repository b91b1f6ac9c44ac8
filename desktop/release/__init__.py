"""Releasing a model from the window: what goes in, what its licences say, its card, and where it goes afterwards."""
