"""Errors that end a run with one clear text instead of a traceback."""

import pulumi

INSTALL = "https://www.pulumi.com/docs/install"


class DirectError(pulumi.RunError):
    """A refusal or failure that the user can act on; its text says how."""


class NeedsCliError(DirectError):
    """Something that only the Pulumi CLI does."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: this needs the Pulumi CLI ({INSTALL}).")
