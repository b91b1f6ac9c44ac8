"""Answers by llama.cpp: a GGUF file, many sequences at once."""
