"""Grammars in llama.cpp's language, GBNF: made from JSON schemas, and checked before llama.cpp reads them."""
