"""A merge straight to a GGUF file: what needs merging and exporting together."""
