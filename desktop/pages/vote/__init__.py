"""Blind votes: two answers without names, and how far a person and the judges agree."""
