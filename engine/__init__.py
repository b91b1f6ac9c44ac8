"""The engine of Bakeoff: everything except the window. Knows no Qt."""

__version__ = "0.1.0"
