"""Bases, adapters and merges: what a model folder holds, chat template, memory, origin."""
