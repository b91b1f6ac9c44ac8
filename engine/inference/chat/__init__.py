"""Conversations with several models side by side."""
