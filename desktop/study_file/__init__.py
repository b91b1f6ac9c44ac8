"""A study as its file describes it: read, planned and costed before it is started."""
