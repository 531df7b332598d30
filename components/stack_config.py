"""The stack's configuration as the CLI hands it over."""

import json

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from multiport.components import checks
from multiport.components.topology import Topology


def read_config() -> Topology:
    """This project's configuration keys: the CLI hands over objects as JSON, and text as it is.

    Raises:
        ConfigError: Something is wrong with the configuration.
    """
    prefix = f"{pulumi.get_project()}:"
    raw: dict[str, object] = {}
    for name, text in CONFIG.get().items():
        if name.startswith(prefix):
            key = name.removeprefix(prefix)
            try:
                raw[key] = json.loads(text) if text.startswith(("{", "[")) else text
            except json.JSONDecodeError:
                raw[key] = text
    return checks.load(raw)


def is_secret(key: str) -> bool:
    """Whether the value of one of this project's configuration keys is encrypted in the stack file."""
    return is_config_secret(f"{pulumi.get_project()}:{key}")
