"""Answers side by side: who won where, and what the judge said."""
