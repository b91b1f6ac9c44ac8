"""The Ranking page: which model is best, how sure that is, and whether its judge can be trusted."""
