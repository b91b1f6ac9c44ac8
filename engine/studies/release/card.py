"""The model card: front matter for the Hugging Face Hub, and what ``release.json`` holds, for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml

from engine.studies.release.bundle import FACTS, SUMS
from engine.studies.release.running import running
from engine.studies.report_words import elo_span, elo_text, judge_words, number, one_line, percent, ranks, usd

#: What is told of the licences of a model that comes under several, or under one whose text is not there: the Hub
#: takes links to a LICENSE or LICENSE.md alone.
LICENCES_TOLD: Final = "LICENSE.md"
_KINDS: Final = {
    "base": "A base model",
    "adapter": "A fine-tune (LoRA adapter) of {base}",
    "merge": "A merge of {parents}",
}
_RELATIONS: Final = {"adapter": "finetune", "merge": "merge", "base": "quantized"}


def card_text(facts: Mapping[str, Any]) -> str:
    """``README.md`` of a release.

    Args:
        facts: What ``release.json`` holds, or will hold as far as that is known before; the card says nothing
            besides.
    """
    parts = [
        _front(facts),
        f"# {_plain(facts['model']['name'])}\n\n{_what(facts)}",
        *_section("How good it is", _ranking(facts)),
        *_section("What quantising costs", _drift(facts)),
        *_section("How it was made", _making(facts)),
        *_section("Licence", _licence(facts)),
        *_section("How to run it", (f"### {name}\n\n{text}" for name, text in running(dict(facts)))),
        *_section("Files", _files(facts)),
        *_section("What was checked", _checked(facts)),
        *_section("Versions", [", ".join(f"{name} {one}" for name, one in facts["versions"].items()) + "."]),
    ]
    return "\n\n".join(parts) + "\n"


def licences_text(facts: Mapping[str, Any]) -> str:
    """`LICENCES_TOLD` of a release: what the model was made of comes under which licences.

    Args:
        facts: What ``release.json`` holds.
    """
    name = _plain(facts["model"]["name"])
    return "\n\n".join([f"# Licences of {name}", *_licence(facts)]) + "\n"


def _front(facts: Mapping[str, Any]) -> str:
    """The YAML that the Hub reads."""
    model, licence = facts["model"], facts["licence"]
    hub = list(dict.fromkeys(one["hub_id"] for one in facts["lineage"] if one.get("hub_id")))
    front: dict[str, Any] = {"license": licence["id"]}
    if licence["id"] == "other":
        front["license_name"] = _licence_name(licence["name"])
        front["license_link"] = "LICENSE" if "LICENSE" in licence["texts"] else LICENCES_TOLD
    if hub:
        front["base_model"] = hub
        front["base_model_relation"] = _RELATIONS[model["kind"]]
    if facts["languages"]:
        front["language"] = facts["languages"]
    front["library_name"] = "transformers" if facts["safetensors"] else "gguf" if facts["gguf"] else "peft"
    front["pipeline_tag"] = "text-generation"
    tags = ["bakeoff", *(["gguf"] if facts["gguf"] else []), *(["merge"] if facts["merges"] else [])]
    front["tags"] = [*tags, *(["lora"] if facts["adapter"] else [])]
    if facts["datasets"]:
        # No ids of the Hub: these datasets are their owner's own, and are not in the bundle.
        front["bakeoff_datasets"] = facts["datasets"]
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---"


def _licence_name(name: str) -> str:
    """Of letters, digits, dots and hyphens, as the Hub wants it."""
    return re.sub(r"[^a-z0-9.]+", "-", name.replace(", ", " and ").lower()).strip("-") or "see-below"


def _what(facts: Mapping[str, Any]) -> str:
    model = facts["model"]
    parents = [one["name"] for one in facts["lineage"] if one["of"] == model["name"] and one["depth"] == 1]
    what = _KINDS[model["kind"]].format(base=model["base"], parents=_listed(parents) or "other models")
    if model["kind"] == "adapter" and facts["datasets"]:
        own = next((one for one in facts["training"] if one["model"] == model["name"]), None)
        what += f", trained on {own['dataset']['name']}" if own else ""
    size = f"{model['parameters'] / 1e6:,.0f} million parameters"
    context = f", made for up to {model['context']:,} tokens" if model["context"] else ""
    same = f"Written by Bakeoff; `{FACTS}` has the same facts."
    return f"{_plain(what)}: {model['architecture']}, {size}{context}. {same}"


def _ranking(facts: Mapping[str, Any]) -> Iterator[str]:
    found = facts["ranking"]
    if found is None:
        yield "This model was not ranked: no study and no verdict of the workspace compares it with another."
        return
    ranking = found["ranking"]
    source = f"the study {_plain(found['study'])}" if found["source"] == "study" else "recorded verdicts"
    yield (
        f"Bradley-Terry ratings in Elo points with {ranking['level']:.0%} intervals, from {source}: "
        f"{ranking['comparisons']:,} comparisons on {ranking['prompts']:,} test prompts. Judge: "
        f"{_plain(judge_words(found['judge']))}; cost of calls: {usd(found['cost_usd'])}. This model is in **bold**."
    )
    if facts["charts"]:
        yield "![The ranking with intervals](ranking.svg)"
    yield _standings(ranking["contestants"], found["names"])
    tasks = ranking.get("tasks") or {}
    shown = {row["name"] for row in ranking["contestants"]}
    for task, table in tasks.items():
        rows = table["contestants"]
        if any(row["name"] in found["names"] and row["name"] not in shown for row in rows) or len(tasks) > 1:
            yield f"### On {_plain(task)}\n\n{_standings(rows, found['names'])}"
    if found["metrics"]:
        yield _metrics(found["metrics"])
    yield from (f"- Note: {_plain(warning)}" for warning in ranking["warnings"])
    sealed = found["sealed_task"]
    if found["source"] == "study":
        waits = found.get("still_sealed")
        without = f"The task {_plain(waits)} is still sealed." if waits else "The study had none."
        yield "### On the sealed task\n\n" + (_plain(sealed["sentence"]) if sealed else without)
        if sealed and not sealed["sealed_until_now"]:
            yield "That task had been seen before this study opened it."
    if found["conclusions"]:
        yield "### What the study concluded\n\n" + "\n".join(
            f"- {_plain(one)}" for one in found["conclusions"]
        )


def _standings(rows: Sequence[Mapping[str, Any]], own: Sequence[str]) -> str:
    return _table(
        ["places", "name", "Elo", "interval", "won", "tied", "lost"],
        [
            [
                ranks(row),
                f"**{_cell(row['name'])}**" if row["name"] in own else _cell(row["name"]),
                elo_text(number(row["rating"])),
                elo_span(number(row["lo"]), number(row["hi"])),
                f"{row['wins']:,}",
                f"{row['ties']:,}",
                f"{row['losses']:,}",
            ]
            for row in rows
        ],
    )


def _metrics(metrics: Sequence[Mapping[str, Any]]) -> str:
    """The metric of the model's answers beside what is reached without training."""

    def share(value: Any) -> str:
        return "–" if value is None else f"{value:.3f}"

    rows = [
        [
            _cell(one["dataset"]),
            _cell(one["contestant"]),
            _cell(one["metric"]),
            share(one["value"]),
            share(one["untuned"]),
            share(one["few_shot"]),
            share(one["most_frequent_answer"]),
        ]
        for one in metrics
    ]
    return "### The tasks' own measure\n\n" + _table(
        ["task", "answers of", "measure", "here", "untuned", "untuned, few-shot", "most frequent label"], rows
    )


def _drift(facts: Mapping[str, Any]) -> Iterator[str]:
    drift = facts["drift"]
    if "pending" in drift:
        yield f"Measured on test prompts of {_plain(drift['pending'])} while the release is made."
        return
    if "left_out" in drift:
        yield f"Not measured: {_plain(drift['left_out'])}."
        return
    yield (
        f"On {drift['prompts']} test prompts of {_plain(drift['dataset'])}, compared with {drift['reference']}; the "
        "log-likelihood is that of the expected answers, per token."
    )
    yield _table(
        ["quantisation", "MB", drift["metric"], "same answers", "log-likelihood", "answers/s"],
        [
            [
                row["quantisation"],
                f"{row['bytes'] / 1e6:,.0f}",
                f"{row['metric']:.3f}",
                percent(row["agreement"]),
                f"{row['log_likelihood']:.4f}",
                f"{row['answers_per_second']:.1f}",
            ]
            for row in drift["files"]
        ],
    )


def _making(facts: Mapping[str, Any]) -> Iterator[str]:
    model = facts["model"]
    yield _table(
        ["model", "kind", "made into", "SHA-256 of its weights"],
        [[_cell(model["name"]), model["kind"], "", f"`{model['weights_sha256']}`"]]
        + [
            [_cell(one["hub_id"] or one["name"]), one["kind"], _cell(one["of"]), f"`{one['sha256']}`"]
            for one in facts["lineage"]
            if one["depth"]
        ],
    )
    for merge in facts["merges"]:
        yield f"### Merge recipe of {_plain(merge['model'])}\n\n{_yaml({**merge['recipe'], 'seed': merge['seed']})}"
    for training in facts["training"]:
        base = training["base"]["name"]
        yield (
            f"### Training recipe of {_plain(training['model'])}\n\nOn {_plain(base)}, dataset "
            f"{_plain(training['dataset']['name'])}:\n\n{_yaml(training['recipe'])}"
        )
    if facts["datasets"]:
        yield "### Datasets\n\nNone of their data is in this bundle.\n\n" + _table(
            ["name", "SHA-256 of its content"],
            [[_cell(one["name"]), f"`{one['sha256']}`"] for one in facts["datasets"]],
        )


def _licence(facts: Mapping[str, Any]) -> Iterator[str]:
    licence = facts["licence"]
    yield _table(
        ["made of", "licence", "as told by"],
        [[_cell(one["model"]), _cell(one["title"]), _cell(one["source"])] for one in licence["parents"]],
    )
    if licence["follows"]:
        yield "What follows:\n\n" + "\n".join(f"- {_plain(one)}" for one in licence["follows"])
    if licence["conflicts"]:
        yield "**To be settled:**\n\n" + "\n".join(f"- {_plain(one)}" for one in licence["conflicts"])
    if licence["texts"]:
        yield f"Their texts: {', '.join(f'`{name}`' for name in licence['texts'])}."
    yield "This is a summary and no legal advice; the licences' own words count."


def _files(facts: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        [f"`{one['file']}`", f"GGUF, {one['quantisation']}", _size(one["bytes"])] for one in facts["gguf"]
    ]
    if facts["safetensors"]:
        names = [name for name in facts["safetensors"]["files"] if name.endswith(".safetensors")]
        shown = f"`{names[0]}`" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        rows.append(
            [shown, "the whole model, for transformers and vLLM", _size(facts["safetensors"]["bytes"])]
        )
    if facts["adapter"]:
        rows.append(
            [f"`{facts['adapter']['folder']}/`", "the adapter, for PEFT", _size(facts["adapter"]["bytes"])]
        )
    if facts["ollama"] and "file" in facts["ollama"]:
        rows.append([f"`{facts['ollama']['file']}`", "for Ollama", ""])
    rows.append([f"`{FACTS}`", "this card for programs", ""])
    rows.append([f"`{SUMS}`", "hashes of all files: `sha256sum --check SHA256SUMS`", ""])
    yield _table(["file", "what", "size"], rows)


def _checked(facts: Mapping[str, Any]) -> Iterator[str]:
    if not facts["gguf"]:
        yield "There is no GGUF file to check."
    for one in facts["gguf"]:
        if "parity" not in one:  # a preview
            yield f"- `{one['file']}`: its tokens and its chat template are checked while the release is made."
            continue
        parity = one["parity"]
        equal = parity["texts"] - parity["different"]
        template = "holds" if parity["template"] else "does NOT hold"
        yield (
            f"- `{one['file']}`: {equal} of {parity['texts']} texts become the same tokens as with the model's own "
            f"tokenizer; it {template} the chat template of training."
        )
    ollama = facts["ollama"]
    if ollama and "conversations" in ollama:
        same = ollama["conversations"] - ollama["different_text"]
        tokens = ollama["conversations"] - ollama["different_tokens"]
        yield (
            f"- `{ollama['file']}`: {same} of {ollama['conversations']} conversations read as with the model's own "
            f"chat template, {tokens} in the same tokens."
        )


def _section(title: str, parts: Any) -> list[str]:
    return [f"## {title}", *parts]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _yaml(value: Mapping[str, Any]) -> str:
    text = yaml.safe_dump(dict(value), sort_keys=False, allow_unicode=True).rstrip()
    return f"```yaml\n{text}\n```"


def _plain(text: str) -> str:
    """Text on one line that Markdown takes for nothing else."""
    cleaned = one_line(str(text))
    return "".join(f"\\{one}" if one in "\\`*_[]<>#|" else one for one in cleaned)


_cell = _plain


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
