"""What runs, waits, is done and has failed."""
