"""The Train page: how to train, whether it fits, and the curves of the runs."""
