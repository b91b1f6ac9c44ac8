"""The Chat page: several models side by side, one prompt to all of them."""
