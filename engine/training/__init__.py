"""Fine-tuning: our own loop for LoRA and QLoRA, with the loss on answers only."""
