"""Jobs: a directory each, a runner per workspace, a fresh process per job."""
