"""The policy pack as a folder that `pulumi preview --policy-pack` takes, for any project on any machine."""

import os
import sys
from pathlib import Path
from typing import Final

import yaml
from pulumi_policy import EnforcementLevel, PolicyPack

from multiport.policy.rules import POLICIES, PROJECT

NAME: Final = "multiport"
"""The pack's name, which stands before each finding."""

_MAIN: Final = '''\
"""The policies of the package multiport, as `multiport policy --write` has written them; written again, this file is replaced."""

{path}from pathlib import Path

from multiport.policy.pack import start

start(Path(__file__).resolve().parent)
'''


def start(folder: Path) -> None:
    """Answer the policy engine; it runs the folder as a program.

    Args:
        folder: The pack's folder. The project that it lies in is the one that is judged, unless the environment names another.
    """
    os.environ.setdefault(PROJECT, str(folder))
    PolicyPack(name=NAME, enforcement_level=EnforcementLevel.MANDATORY, policies=list(POLICIES))


def write(folder: Path, *, lasting: bool) -> None:
    """Write the pack; the engine runs it with the Python that runs this.

    Args:
        folder: The pack's folder, which is made if need be.
        lasting: Whether the folder is to be kept, perhaps in git. Then the Python environment is named relative to it if both lie
            in one project, and the package must be installed there; else this very copy of the package is named.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = {"toolchain": "pip"}
    if sys.prefix != sys.base_prefix:
        options["virtualenv"] = _environment(folder, lasting=lasting)
    manifest = {
        "description": "What no preview of this project may bring into a cloud",
        "runtime": {"name": "python", "options": options},
    }
    (folder / "PulumiPolicy.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    package = Path(__file__).resolve().parents[2]
    path = "" if lasting else f"import sys\n\nsys.path.append({str(package)!r})\n\n"
    (folder / "__main__.py").write_text(_MAIN.format(path=path))


def _environment(folder: Path, *, lasting: bool) -> str:
    """Return the Python environment as the manifest names it: without it the engine would take the `python3` of PATH."""
    prefix, place = Path(sys.prefix).resolve(), folder.resolve()
    if lasting and prefix.parent in place.parents:
        return os.path.relpath(prefix, place)
    return str(prefix)
