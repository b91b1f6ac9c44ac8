"""Answers from models: local ones and those behind OpenAI-compatible endpoints."""
