"""A study as one picture: who, on which tasks, how far, what next, and what came out."""
