"""The window of Bakeoff; the only place that imports PySide6."""
