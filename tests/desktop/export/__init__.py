"""Tests of the export dialog."""
