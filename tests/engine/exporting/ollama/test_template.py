"""Chat templates in Ollama's language: the same text as the model's own, or a refusal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.exporting.errors import ExportError
from engine.exporting.ollama.go_template import render
from engine.exporting.ollama.modelfile import Modelfile, read_modelfile
from engine.exporting.ollama.template import ollama_template, sample_conversations, stop_texts
from engine.models.template import ChatTemplate, load_template
from engine.progress import SilentReporter
from tests.engine.exporting.ollama.families import DOCUMENTED_TURNS, FORMATS
from tests.tiny import tiny_model

#: Conversations that the search for the template has not seen.
OTHERS = (
    [("user", "{{ .System }} and {% raw %}")],
    [("system", '"""'), ("user", '"quoted"')],
    [("system", "One\nline"), ("user", "2 + 2?"), ("assistant", "4"), ("user", "3 + 3?")],
    [("user" if number % 2 == 0 else "assistant", f"{number}") for number in range(9)],
)


def chat_template(folder: Path, jinja: str, bos: str = "", eos: str = "<|im_end|>") -> ChatTemplate:
    """A template over the tiny tokenizer, to which its special tokens were added."""
    tiny_model(folder, chat_template=jinja)
    config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    config |= {"eos_token": eos, **({"bos_token": bos} if bos else {})}
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return load_template(folder, SilentReporter())


@pytest.mark.parametrize("name", FORMATS)
def test_every_family_reads_through_ollama_as_through_its_own_template(tmp_path: Path, name: str) -> None:
    form = FORMATS[name]
    template = chat_template(tmp_path, form.jinja, form.bos, form.eos)
    assert template.prompt_text(list(DOCUMENTED_TURNS)) == form.documented
    begins = form.bos if form.documented.startswith(form.bos) else ""
    for left_to_llama in dict.fromkeys([begins, ""]):
        written = ollama_template(template, begins=left_to_llama)
        text = Modelfile("x.gguf", written.text, ("</s>", "\n\n#"), {"num_ctx": "512"}).text()
        read = read_modelfile(text).template
        assert left_to_llama + render(read, DOCUMENTED_TURNS) == form.documented
        for talk in OTHERS:
            messages = [{"role": role, "content": content} for role, content in talk]
            assert left_to_llama + render(read, messages) == template.prompt_text(list(messages))
        assert written.trims == ("trim" in form.jinja or "strip()" in form.jinja)


def test_a_default_system_prompt_gives_way_to_another(tmp_path: Path) -> None:
    template = chat_template(tmp_path, FORMATS["smollm2"].jinja)
    text = ollama_template(template, begins="").text
    assert "named SmolLM" in render(text, [{"role": "user", "content": "x"}])
    own = render(text, [{"role": "system", "content": "Own."}, {"role": "user", "content": "x"}])
    assert own.startswith("<|im_start|>system\nOwn.<|im_end|>")
    assert "SmolLM" not in own


def test_the_plain_template_of_models_without_one(tmp_path: Path) -> None:
    tiny_model(tmp_path, chat_template=None)
    template = load_template(tmp_path, SilentReporter())
    text = ollama_template(template, begins="").text
    for talk in sample_conversations():
        assert render(text, talk) == template.prompt_text(list(talk))


@pytest.mark.parametrize(
    ("jinja", "why"),
    [
        # Every turn is numbered.
        ("{% for m in messages %}{{ loop.index ~ ': ' + m['content'] + '\n' }}{% endfor %}", "depends on"),
        # Only the last message is shown.
        ("{{ messages[-1]['content'] }}", "0 times"),
        # Shown twice.
        ("{% for m in messages %}{{ m['role'] + m['content'] * 2 }}{% endfor %}", "2 times"),
        # Capitals.
        ("{% for m in messages %}{{ m['role'] + m['content'] | upper }}{% endfor %}", "0 times"),
        # Other words in long conversations.
        ("{% for m in messages %}{{ m['role'] + ':' + m['content'] + ';' }}"
         "{% if loop.index > 5 %}!{% endif %}{% endfor %}", "instead of"),
        # The words of the message decide.
        ("{% for m in messages %}{{ m['role'] + ':' + m['content'] }}"
         "{% if 'Oslo' in m['content'] %}!{% endif %}{% endfor %}", "instead of"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_exactly_is_refused(tmp_path: Path, jinja: str, why: str) -> None:
    with pytest.raises(ExportError) as refused:
        ollama_template(chat_template(tmp_path, jinja), begins="")
    assert refused.value.code == "ollama.template_inexact"
    assert why in refused.value.message
    assert "--as gguf" in refused.value.fix


def test_a_token_that_the_template_lacks_is_not_left_to_llama(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="begins every prompt"):
        ollama_template(chat_template(tmp_path, FORMATS["chatml"].jinja), begins="<s>")


def test_braces_and_quotes_of_a_template_stay_text(tmp_path: Path) -> None:
    jinja = "{% for m in messages %}{{ '{{{' + m['role'] + '}}\"\"\"{' + m['content'] + '\"\"}' }}{% endfor %}\"\"\"{"
    template = chat_template(tmp_path, jinja)
    text = ollama_template(template, begins="").text
    assert '"""' not in text
    assert read_modelfile(Modelfile("x.gguf", text, (), {}).text()).template == text
    messages = [{"role": "user", "content": "x"}]
    assert render(text, messages) == template.prompt_text(list(messages)) == '{{{user}}"""{x""}"""{'


def test_stops_without_a_stop_token_are_what_opens_the_next_turn(tmp_path: Path) -> None:
    jinja = "{% for m in messages %}{{ '### ' + m['role'] + '\n' + m['content'] + '\n\n' }}{% endfor %}"
    template = chat_template(tmp_path, jinja)
    assert stop_texts(template, []) == ["### user"]
    assert stop_texts(template, ["<|im_end|>"]) == ["<|im_end|>"]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ .System }}|{{ len .Messages }}", "s|2"),
        ("a  {{- /* note */ -}}  b", "ab"),
        ('{{ if eq .System "t" }}1{{ else if and (ne .System "t") (not .Response) }}2{{ else }}3{{ end }}', "2"),
        ('{{ range .Messages }}{{ if eq .Role "user" "x" }}<{{ .Content }}>{{ $.System }}{{ end }}{{ end }}', "<u>s"),
        ('{{ range $i, $m := .Messages }}{{ $i }}{{ $m.Role }}{{ end }}{{ "\\n" }}{{ `{{` }}', "0system1user\n{{"),
        ("{{ or .Response .System }}{{ with_nothing }}", None),
        ("{{ if .System }}", None),
        ("{{ end }}", None),
        ("{{ .Nothing }}", None),
        ("{{ .System", None),
    ],
)  # fmt: skip
def test_the_language_as_far_as_it_is_known(template: str, expected: str | None) -> None:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    if expected is None:
        with pytest.raises(ExportError):
            render(template, messages)
    else:
        assert render(template, messages) == expected


def test_neighbours_of_one_role_are_one_message_as_in_ollama() -> None:
    messages = [
        {"role": role, "content": text} for role, text in (("user", "a"), ("user", "b"), ("system", "c"))
    ]
    assert render("{{ .System }}{{ range .Messages }}[{{ .Content }}]{{ end }}", messages) == "c[a\n\nb][c]"


@pytest.mark.parametrize("name", ["my model-q8_0.gguf", "größe.gguf"])
def test_a_modelfile_says_what_it_was_given(name: str) -> None:
    written = Modelfile(
        name, "{{ .System }}\n\n", ('a"b', "x\ny", "</s>"), {"temperature": "0"}, "Line one\n\nTwo"
    )
    assert read_modelfile(written.text()) == written


def test_a_licence_that_would_end_the_quotes_is_refused() -> None:
    with pytest.raises(ExportError) as refused:
        Modelfile("x.gguf", "{{ .System }}", (), {}, 'a\n"""\nFROM other').text()
    assert refused.value.code == "ollama.modelfile_unclear"
