"""What a quantisation costs on one's own task: the GGUF files of a model compared with its 16-bit one."""
