"""The Datasets page: bringing examples, looking through them, and seeing what is wrong with them."""
