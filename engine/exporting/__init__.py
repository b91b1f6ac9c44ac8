"""Bringing models out of the workspace: GGUF files first of all."""
