"""A release: a model in all its forms, with a card that carries the evidence."""
