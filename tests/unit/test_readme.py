"""The program and the stack file in the README do what the README says."""

import re
from pathlib import Path

import yaml

from multiport.components import checks
from tests.unit.components.deployment import deploy

README = Path(__file__).resolve().parents[2] / "README.md"


def block(language: str, words: str) -> str:
    """Return the block of the README in a language that contains the words."""
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README.read_text(), flags=re.DOTALL)
    [found] = [text for text in blocks if words in text]
    return found


def test_the_program_makes_a_server_with_two_floating_ips() -> None:
    found = deploy(lambda: exec(block("python", "MultiPortInstance"), {}))  # noqa: S102 - the README's own text
    assert {"Instance web-server", "FloatingIp web-a.v4", "FloatingIp web-b.v4"} <= set(found.resources)


def test_the_stack_file_is_valid_and_declares_the_same() -> None:
    config = yaml.safe_load(block("yaml", "multiport:servers"))["config"]
    topology = checks.load({key.removeprefix("multiport:"): value for key, value in config.items()})
    assert list(topology["servers"]["web"]["ports"]) == ["a", "b"]


def test_the_program_and_the_stack_file_are_short() -> None:
    assert block("python", "MultiPortInstance").count("\n") <= 12
    assert block("yaml", "multiport:servers").count("\n") <= 13
