"""What lies in the workspace and what is going on in it."""
