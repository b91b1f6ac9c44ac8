"""The ``bakeoff`` command: everything the window does, headless."""
