"""How to run a released model, in the programs that people have."""

from __future__ import annotations

from typing import Any


def running(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Heading and text (Markdown) per program for which the bundle has a form."""
    found: list[tuple[str, str]] = []
    if facts["gguf"]:
        file = facts["gguf"][0]["file"]
        found.append(
            ("llama.cpp", _code(f"llama-cli -m {file} --jinja -cnv --temp 0\nllama-server -m {file} --jinja"))
        )
        ollama = facts["ollama"] or {}
        if "refused" in ollama:
            found.append(("Ollama", f"{ollama['refused']} Run the GGUF file with llama.cpp."))
        else:
            name = ollama["name"]
            found.append(("Ollama", _code(f"ollama create {name} -f {ollama['file']}\nollama run {name}")))
        found.append(
            (
                "LM Studio",
                f"Put `{file}` into a folder `publisher/name` of LM Studio's models folder, or run "
                f"`lms import {file}`. The chat template is in the file; set the temperature to 0 to get the "
                "answers that were ranked.",
            )
        )
    if facts["safetensors"]:
        found.append(
            (
                "transformers",
                _code(
                    "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
                    'folder = "."  # this folder, or the repository\'s name on the Hub\n'
                    "tokenizer = AutoTokenizer.from_pretrained(folder)\n"
                    "model = AutoModelForCausalLM.from_pretrained(folder)\n"
                    'messages = [{"role": "user", "content": "..."}]\n'
                    "inputs = tokenizer.apply_chat_template(\n"
                    '    messages, add_generation_prompt=True, return_tensors="pt", return_dict=True\n'
                    ")\n"
                    "output = model.generate(**inputs, do_sample=False, max_new_tokens=256)\n"
                    'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True))',
                    "python",
                ),
            )
        )
        found.append(("vLLM", _code("vllm serve .")))
    if facts["adapter"]:
        found.append(
            (
                "PEFT",
                _code(
                    "from peft import PeftModel\nfrom transformers import AutoModelForCausalLM\n\n"
                    f"{_base_of(facts['adapter'])}"
                    f'model = PeftModel.from_pretrained(base, "{facts["adapter"]["folder"]}")',
                    "python",
                ),
            )
        )
    return found


def _base_of(adapter: dict[str, Any]) -> str:
    """The lines that load what an adapter stands on; a base without a name on the Hub is the reader's to find."""
    if adapter["on_hub"]:
        return f'base = AutoModelForCausalLM.from_pretrained("{adapter["base"]}")  # just these weights\n'
    return (
        f'folder = "..."  # your copy of {adapter["base"]}: it has no name on the Hub, its hash is in the lineage\n'
        "base = AutoModelForCausalLM.from_pretrained(folder)\n"
    )


def _code(text: str, language: str = "sh") -> str:
    return f"```{language}\n{text}\n```"
