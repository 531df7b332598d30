"""The command as the documents show it is the command that there is."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from multiport.cli.main import VERBS, main, parser
from tools.commands import PAGE, children, help_texts, page

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
HELP = dict(help_texts())


def spans(text: str) -> Iterator[str]:
    """What stands as code in a document: blocks between fences, indented ones, and spans in a sentence."""
    for block in re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield from block.splitlines()
    rest = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    yield from re.findall(r"^    (.*)$", rest, re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", rest))


def calls(text: str) -> Iterator[list[str]]:
    """The words after each `multiport` that begins a command."""
    for span in spans(text):
        for command in re.split(r"[|;]|&&", span):
            words = re.split(r" #| {3,}", command.strip())[0].split()
            words = words[2:] if words[:2] == ["python", "-m"] else words
            if len(words) > 1 and words[0].removeprefix(".venv/bin/") == "multiport":
                yield words[1:]


def unknown(words: list[str]) -> list[str]:
    """Those of a call's words that the command does not know: its verb, its action and its options."""
    verb, rest = words[0], words[1:]
    if verb.startswith("-"):
        return [word for word in words if word not in parser().format_help()]
    if verb not in VERBS:
        return [verb]
    actions = {name.partition(" ")[2] for name in HELP if name.startswith(f"{verb} ")}
    action = [word for word in rest[:1] if word in actions] or (["preview"] if actions and rest else [])
    options = [word.partition("=")[0] for word in rest if word.startswith("--")]
    return [option for option in options if not re.search(rf"{option}\b", HELP[" ".join([verb, *action])])]


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == page(), "run `python -m tools.commands`"


def test_documents_call_what_exists() -> None:
    found = {path: list(calls(path.read_text())) for path in DOCUMENTS}
    assert sum(map(len, found.values())) > len(VERBS)
    wrong = {str(path): [call for call in each if unknown(call)] for path, each in found.items()}
    assert not {path: each for path, each in wrong.items() if each}


@pytest.mark.parametrize(
    "text", ["`multiport deploy --stack dev`", "    multiport review --stak dev", "```\nmultiport review show --out x\n```"]
)
def test_a_wrong_call_would_be_found(text: str) -> None:
    [call] = calls(text)
    assert unknown(call)


def test_every_example_of_a_help_text_is_taken() -> None:
    examples = [
        shlex.split(line.partition(" >")[0].rpartition("| ")[2])[1:]
        for text in HELP.values()
        for line in re.sub(r" {4,}[a-z].*", "", text).splitlines()
        if re.match(r"  (.*\| )?multiport ", line)
    ]
    assert {example[0] for example in examples} == VERBS.keys()
    for example in examples:
        assert unknown(example) == []
    for name, verb in children(parser()):
        assert "Example" in verb.format_help(), name


def test_help_and_a_wrong_verb() -> None:
    for words, status in ((["--help"], 0), (["review", "--help"], 0), ([], 2), (["deploy"], 2), (["review"], 2)):
        with pytest.raises(SystemExit) as caught:
            main(words)
        assert caught.value.code == status, words


def test_it_answers_at_once() -> None:
    """The help needs neither the Pulumi SDK nor the openstack package, which take seconds to import."""
    script = "import sys; from multiport.cli.main import parser; parser().format_help(); print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"pulumi", "pulumi_openstack", "pulumi_policy", "grpc"} & set(answer.stdout.split())
