"""Many calls in one go, answered within a day at a lower price: OpenAI's Batch API."""
