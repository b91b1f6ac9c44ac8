"""Exporting a model from the window: in which form, what it will hold, and what came of it."""
