"""Studies: the whole loop, made of jobs, saved, costed, resumable, reported."""
