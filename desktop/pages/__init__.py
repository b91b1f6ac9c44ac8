"""The pages of the window: each a view model (QtCore only) and its widgets."""
