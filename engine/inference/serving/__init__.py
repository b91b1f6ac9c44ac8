"""Models of the workspace behind an OpenAI-compatible endpoint on this machine, for the user's own programs."""
