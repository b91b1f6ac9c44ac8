"""Shared widgets; a page lays them out and styles nothing itself."""
