"""The user data of a server: our files and the user's own cloud-config as one cloud-config document.

In each list that both have, ours comes first, so that nothing in the user's part keeps the server from its network.
The keys are sorted and our files stand as blocks: moving or commenting the user's keys changes nothing, and a diff of
user data is a diff of the script.
"""

import posixpath
import re
from typing import Final

from multiport.guest import document
from multiport.guest.errors import GuestError
from multiport.guest.files import GuestFile, guest_files
from multiport.guest.first_boot import BOOTCMD, RUNCMD
from multiport.guest.plan import RoutingPlan

HEADER: Final = "#cloud-config"
"""First line of a cloud-config document."""

ENCODED_CHARACTERS_MAX: Final = 65535
"""Longest base64 text that Nova takes for user data (nova.compute.api.MAX_USERDATA_SIZE)."""

BYTES_MAX: Final = ENCODED_CHARACTERS_MAX // 4 * 3
"""Largest user data before base64: 49,149 bytes."""

_KEY = "cloud_config"


def user_data(plan: RoutingPlan | None, cloud_config: str | None) -> str:
    """Return a server's user data.

    Args:
        plan: The routing plan; None installs nothing of ours.
        cloud_config: The user's own cloud-config text. Every value of it is carried unchanged; without a plan, every letter.

    Returns:
        One cloud-config document, or an empty text if there is neither a plan nor a cloud-config.

    Raises:
        GuestError: The user's text is not a cloud-config, writes one of our files, or makes the whole larger than Nova takes.
    """
    users = {} if cloud_config is None else _read(cloud_config)
    if plan is None:
        text = cloud_config or ""
        _check_size(text, {})
        return text
    files = guest_files(plan)
    _check_paths(users, {file.path for file in files})
    _check_commands(users)
    ours = {"bootcmd": document.dump([BOOTCMD]), "runcmd": document.dump([RUNCMD]), "write_files": "".join(map(_entry, files))}
    text = _written(ours, users)
    _check_size(text, ours)
    return text


def _read(text: str) -> dict[str, object]:
    # what the user wrote may be secret, so no error quotes any of it
    first_line = text.partition("\n")[0]
    if re.match(r"##\s*template:", first_line, re.IGNORECASE):
        raise GuestError(
            _KEY, "cloud-init's templates cannot be merged", "Write the values, or have a script of yours in runcmd find them"
        )
    if not re.fullmatch(rf"{HEADER}(\s.*)?", first_line):
        raise GuestError(
            _KEY,
            f"its first line is not {HEADER}",
            f"Start it with {HEADER}; put a script into write_files or runcmd of a cloud-config",
        )
    try:
        value = document.load(text)
    except ValueError as error:
        raise GuestError(_KEY, f"cloud-init cannot read it: {error}", "Correct the YAML") from error
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise GuestError(
            _KEY, "it is not a mapping of cloud-init's keys", "Write `key: value` lines, for example `packages: [...]`"
        )
    return value


def _entry(file: GuestFile) -> str:
    # By hand, because PyYAML indents by two at least: here that costs as many bytes as the script has lines.
    block = "".join(f"  {line}" if line.strip() else line for line in file.content.splitlines(keepends=True))
    return f"-\n path: {file.path}\n permissions: '{file.mode:04o}'\n content: |\n{block}"


def _check_paths(users: dict[str, object], paths: set[str]) -> None:
    for number, entry in enumerate(_list(users, "write_files")):
        path = entry.get("path") if isinstance(entry, dict) else None
        # cloud-init makes the path absolute from / in the same way.
        if isinstance(path, str) and (absolute := posixpath.normpath(f"/{path.lstrip('/')}")) in paths:
            raise GuestError(f"{_KEY}.write_files[{number}]", f"{absolute} is a file of policy routing", "Write another path")


def _check_commands(users: dict[str, object]) -> None:
    for key in ("bootcmd", "runcmd"):
        for number, command in enumerate(_list(users, key)):
            # cloud-init makes one script of each list and refuses all of it, ours too, for one entry like `- echo done: yes`.
            if not isinstance(command, str | list | None):
                raise GuestError(
                    f"{_KEY}.{key}[{number}]", f"{_kind(command)} is not a command", "Write it in quotes, or as a list of words"
                )


def _list(users: dict[str, object], key: str) -> list[object]:
    value = users.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise GuestError(f"{_KEY}.{key}", "it is not a list", "Write one entry per line, each after a hyphen")
    return value


def _written(ours: dict[str, str], users: dict[str, object]) -> str:
    """Write the document key by key; `ours` holds the entries of our lists as YAML."""
    parts = [f"{HEADER}\n"]
    for key in sorted({*ours, *users}):
        if key in ours:
            entries = _list(users, key)
            parts += [f"{key}:\n", ours[key], _dumped(f"the list of its {key}", entries) if entries else ""]
        else:
            parts.append(_dumped(f"the value of its key number {list(users).index(key) + 1}", {key: users[key]}))
    return "".join(parts)


def _kind(value: object) -> str:
    """What a value is, without a word of it."""
    return "a mapping" if isinstance(value, dict) else "a number" if isinstance(value, int | float) else "a value of this kind"


def _dumped(what: str, value: object) -> str:
    try:
        return document.dump(value)
    except ValueError as error:
        raise GuestError(_KEY, f"{what} cannot be carried unchanged: {error}", "Write its values as text") from error


def _check_size(text: str, ours: dict[str, str]) -> None:
    if (size := len(text.encode())) > BYTES_MAX:
        our_size = len(_written(ours, {}).encode()) if ours else 0
        raise GuestError(
            _KEY,
            f"{size:,} bytes of user data ({our_size:,} ours, {size - our_size:,} yours) exceed the {BYTES_MAX:,} of Nova",
            f"Shorten yours by {size - BYTES_MAX:,} bytes, or let the server fetch what is large",
        )
