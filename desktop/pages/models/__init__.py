"""Bases, adapters, merges and the GGUF files made of them: a list, and where each comes from."""
