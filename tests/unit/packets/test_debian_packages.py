"""dpkg's record of what is installed, as it stands in a root file system."""

from pathlib import Path

from lab.debian_packages import installed

STATUS = """\
Package: iproute2
Status: install ok installed
Description: networking and traffic control tools
 Version: of the text, not of the package
Version: 6.1.0-3

Package: gone
Status: deinstall ok config-files
Version: 1.0
"""


def test_what_is_installed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    assert installed(tmp_path) == {"iproute2": "6.1.0-3"}


def test_a_folder_without_a_record(tmp_path: Path) -> None:
    assert installed(tmp_path) == {}
