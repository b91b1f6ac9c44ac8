"""What is no grammar is refused with its line before llama.cpp sees it; what is refused is what llama.cpp refuses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from engine.inference.constraints import Constraint, read_constraint
from engine.inference.errors import AnsweringError
from engine.inference.grammars.reading import require_readable
from engine.inference.llama.grammar import Grammar, grammar_text
from tests.engine.inference.grammars.drawing import Reader

REFUSED = {
    "": "line 1: it has no rule called root",
    "# nothing but words\n\n": "line 1: it has no rule called root",
    'rot ::= "a"\n': "line 1: it has no rule called root",
    'root ::= "a" |\n  foo\n': "line 2: there is no rule called 'foo'",
    'root ::= "a"\nb := "x"': "line 2: after the name of a rule, 'b', comes ::=",
    'root ::= "a"\n\n ::= "x"': "line 3: a rule begins with its name",
    'root ::= "a"\n | "b"': "line 2: a rule begins with its name",
    'root ::= ("a"\n "b" ( "c" )': "line 1: a parenthesis is not closed",
    'root ::= "a" )': "line 1: ')' cannot stand here",
    "root ::= a_b": "line 1: '_' cannot stand here",
    "root ::= [a-z": "line 1: a set of characters is not closed",
    "root ::= []": "line 1: a set of characters is empty",
    "root ::= [xz-a]": "line 1: the range z-a ends before it begins",
    'root ::= "a': "line 1: a text is not closed",
    r'root ::= "\q"': 'line 1: a text is not closed by ", or has an unknown escape',
    "root ::= <think": "line 1: a token is written",
    'root ::= "a"\nb ::= *"a"': "line 2: '*' repeats what stands before it",
    'root ::= ""+': "line 1: '+' repeats what stands before it",
    'root ::= "a"{0}?': "line 1: '?' repeats what stands before it",
    'root ::= "a"{,3}': "line 1: a repetition is written {3}, {3,} or {3,5}",
    'root ::= "a"{3,1}': "line 1: a repetition of at least 3 and at most 1 is none",
    'root ::= ("a"?)*': "line 1: what is repeated without end may be nothing",
    'root ::= a\na ::= b+\nb ::= "x"*': "line 2: what is repeated without end may be nothing",
    'root ::= ("x"? b)\nb ::= c\nc ::= "" root': "line 1: the rule 'root' begins with itself",
    'root ::= "a" b\nb ::= b "c" | "d"': "line 2: the rule 'b' begins with itself",
    'root ::= a\na ::= "1"\na ::= "2"': "line 3: the rule 'a' is there twice",
}
TAKEN = (
    'root ::= "a\n" b\r\nb ::= [^\\]x-] ( "c" |\n "d")* # hm\n\n# end\nc ::= .{2,} | [+--] [a-z-9] | <[3]>',
    'root ::= object\nobject ::= "{" ws ( string ":" ws value ("," ws string ":" ws value)* )? "}"\n'
    'value ::= object | string | "null"\nstring ::= "\\"" [^"\\\\\\x7F\\x00-\\x1F]* "\\"" ws\n'
    'ws ::= | " " | "\\n" [ \\t]{0,20}\n',
    'root ::= root-a{2}\nroot-a ::= "x" root-a | ',
)
PARTS = (
    *(
        '"a"',
        r'"b\n"',
        '""',
        "[a-z]",
        "[^x]",
        "[a-]",
        "[-a]",
        "a",
        "b",
        "root",
        "c-d",
        "(",
        ")",
        "|",
        "*",
        "+",
    ),
    *(
        "?",
        "{2}",
        "{1,}",
        "{0,2}",
        "\n",
        "::=",
        "# x\n",
        ".",
        "<[3]>",
        "!<[3]>",
        r"\q",
        r'"\x41"',
        "_",
        "\nx ::=",
    ),
)
REST = '\na ::= "x" b?\nb ::= [0-9]+\nc-d ::= a | b'


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_grammar_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(AnsweringError) as refused:
        grammar_text(Constraint(kind="grammar", text=text))
    assert REFUSED[text] in refused.value.message


@pytest.mark.parametrize("text", TAKEN)
def test_what_is_a_grammar_is_taken(text: str, reader: Reader) -> None:
    require_readable(text)
    Grammar(reader.model, text).close()


def test_a_file_is_refused_before_anything_begins(tmp_path: Path) -> None:
    (tmp_path / "answers.gbnf").write_text('root ::= "yes" | no\n', encoding="utf-8")
    with pytest.raises(AnsweringError, match="line 1: there is no rule called 'no'"):
        read_constraint(tmp_path / "answers.gbnf")


def test_llama_cpp_takes_just_what_is_taken(reader: Reader, capfd: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(7)
    taken = 0
    for _ in range(3000):
        text = "root ::= " + " ".join(draw.choice(PARTS) for _ in range(draw.randint(1, 9))) + REST
        try:
            require_readable(text)
        except AnsweringError as refused:
            # llama.cpp finds not all that may be nothing, and of two rules of a name it takes the last.
            if not any(words in refused.message for words in ("nothing at all", "is there twice")):
                with pytest.raises(AnsweringError):
                    Grammar(reader.model, text)
        else:
            Grammar(reader.model, text).close()
            taken += 1
    capfd.readouterr()  # llama.cpp's own words
    assert taken > 300


def test_what_only_the_model_can_tell_is_told(reader: Reader, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(AnsweringError, match="names a token that the model does not have"):
        Grammar(reader.model, "root ::= <no-such-token>")
    capfd.readouterr()  # llama.cpp's own words
