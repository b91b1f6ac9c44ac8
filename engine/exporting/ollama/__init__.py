"""A model for Ollama: its chat template in Ollama's language, proved by rendering, and the Modelfile around it."""
