"""Three steps to a ranked result, recent studies, and what this machine can do."""
