"""A program that stands for the Pulumi CLI where the test is about what calls it."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = r"""#!/bin/sh
here=${0%/*}
printf '%s\t' "$@" >> "$here/calls"
echo >> "$here/calls"
previous=
for argument in "$@"; do
    if [ "$previous" = --event-log ] && [ -e "$here/events" ]; then
        cp "$here/events" "$argument"
    fi
    previous=$argument
done
for answer in "$1" "$1_$2"; do
    if [ -e "$here/answers/$answer" ]; then
        . "$here/answers/$answer"
    fi
done
"""


@dataclass(frozen=True)
class Answer:
    """What a call does."""

    says: str = ""
    complains: str = ""
    appends: Mapping[Path, str] = field(default_factory=dict)
    """Text to add to files."""
    status: int = 0

    @property
    def script(self) -> str:
        """The same for the shell."""
        lines = [f"printf %s {shlex.quote(text)} >> {shlex.quote(str(path))}" for path, text in self.appends.items()]
        lines += [f"printf %s {shlex.quote(self.says)}", f"printf %s {shlex.quote(self.complains)} >&2", f"exit {self.status}"]
        return "\n".join(lines)


class Pulumi:
    """An executable that answers as told, and what it was called with."""

    def __init__(self, folder: Path) -> None:
        (folder / "answers").mkdir(parents=True, exist_ok=True)
        self.path = folder / "pulumi"
        self.path.write_text(PROGRAM)
        self.path.chmod(0o755)

    def answers(self, **by_words: Answer) -> None:
        """What is said to a call by its first word or two, joined by an underscore."""
        for words, answer in by_words.items():
            (self.path.parent / "answers" / words).write_text(answer.script)

    def logs(self, events: str) -> None:
        """What a call with `--event-log` writes there."""
        (self.path.parent / "events").write_text(events)

    @property
    def calls(self) -> list[list[str]]:
        """Arguments of each call."""
        record = self.path.parent / "calls"
        return [line.split("\t")[:-1] for line in record.read_text().splitlines()] if record.exists() else []
