"""A model in a process of its own: what talks to people and programs is safe from crashes of native code."""
