"""Options that several verbs share."""

import argparse
from pathlib import Path


def add_project(parser: argparse.ArgumentParser) -> None:
    """The option that names the project."""
    parser.add_argument(
        "--project",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="the Pulumi project's folder (default: the current folder, or the nearest one above it with a Pulumi.yaml)",
    )


def add_topology(parser: argparse.ArgumentParser) -> None:
    """The options that say where in a stack file the topology is."""
    parser.add_argument(
        "--key",
        help="the one configuration key that holds the whole topology (default: each key of the project is a part of it)",
    )
    add_own_key(parser)


def add_own_key(parser: argparse.ArgumentParser) -> None:
    """The option that names what in a stack file is no part of the topology."""
    parser.add_argument(
        "--own-key",
        action="append",
        default=[],
        metavar="KEY",
        help="a configuration key of the program's own, no part of the topology and not declared in Pulumi.yaml; may be repeated",
    )
