"""A monkey at the window: random events of a user's hands, by a seed, in a fence that nothing leaves."""
