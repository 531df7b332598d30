"""Prints the progress of a run: a line for each resource, messages, and a summary."""

import json
import os
import re
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

from .urns import STACK_TYPE, Urn
from .values import masked

Sign = Literal["+", "-", "~", "!", " "]


class Report:
    """Prints progress on standard output and problems on standard error, in whole lines."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._started = time.monotonic()

    def resource(self, sign: Sign, urn: str, what: str, seconds: float | None = None) -> None:
        """Print what happened to a resource. Without `seconds` no duration is shown."""
        name = Urn.parse(urn)
        if name.type != STACK_TYPE:
            took = "" if seconds is None else f" ({seconds:.1f}s)"
            shown = re.sub(
                "/[^:]*", "", name.type
            )  # like the CLI: openstack:networking/port:Port becomes openstack:networking:Port
            self.line(f" {sign}  {shown:<40} {name.name}  {what}{took}")

    def line(self, text: str = "") -> None:
        """Print a line of progress."""
        with self._mutex:
            try:
                print(text, flush=True)
            except BrokenPipeError:  # the reader has ended (`| head`), but the deployment must go on
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def problem(self, text: str) -> None:
        """Print an error or a warning."""
        with self._mutex:
            sys.stdout.flush()
            print(text, file=sys.stderr, flush=True)

    def elapsed(self) -> str:
        """Return the duration of the run so far."""
        return f"{time.monotonic() - self._started:.0f} s"

    def outputs(self, outputs: Mapping[str, Any]) -> None:
        """Print the outputs of the stack; secrets are masked."""
        if outputs:
            self.line("Outputs:")
        width = max(map(len, outputs), default=0)
        for name, value in masked(dict(outputs)).items():
            text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n    ")
            self.line(f"    {name:<{width}} : {text}")
