"""Errors that end a run with a message instead of a traceback."""

import pulumi

INSTALL = "https://www.pulumi.com/docs/install"


class DirectError(pulumi.RunError):
    """A failure that the user can correct; its message says how."""


class NeedsCliError(DirectError):
    """The program needs something that only the Pulumi CLI can do."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: this needs the Pulumi CLI ({INSTALL}).")
