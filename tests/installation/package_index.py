"""A package index on loopback, with a placeholder for every package of a lock file and for a newer version of each.

A placeholder has the name, the version and the dependencies of the original, and no content. pip, setuptools and wheel must
work, so their packages are made of the files that this environment has installed.
"""

import base64
import hashlib
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

NEWER: Final = "9999.0"
"""The newer version that is offered of each package and must not be installed."""

REAL: Final = ("pip", "setuptools", "wheel")
"""Packages that install others, for which a placeholder without content is not enough."""

PIN: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?P<marker> ;[^\\\n]*)?", re.MULTILINE)


class PackageIndex:
    """The files of the index: pip reads the folder of each package as `http.server` lists it.

    Attributes:
        folder: Its root.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def offer(self, lock: str, *, source_only: Sequence[str] = ()) -> str:
        """Offer every package of a lock and a newer version of each; return the lock with the hashes of the offered files.

        Args:
            lock: Text of a lock file.
            source_only: Packages that are offered as source distributions.
        """
        lines = []
        for pin in PIN.finditer(lock):
            name, version = pin["name"], pin["version"]
            if name in source_only:
                file = self._source(name, version)
            else:
                file = self._wheel(name, version)
                self._wheel(name, NEWER)
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            lines.append(f"{name}=={version}{pin['marker'] or ''} \\\n    --hash=sha256:{digest}\n")
        return "".join(lines)

    def withdraw(self, name: str) -> None:
        """Stop offering a package."""
        for file in self._place(name).iterdir():
            file.unlink()

    def _place(self, name: str) -> Path:
        place = self.folder / "simple" / re.sub(r"[-_.]+", "-", name).lower()
        place.mkdir(parents=True, exist_ok=True)
        return place

    def _wheel(self, name: str, version: str) -> Path:
        stem = f"{re.sub(r'[-_.]+', '_', name)}-{version}"
        files = {f"{stem}.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
        files[f"{stem}.dist-info/METADATA"] = _metadata(name, version).encode()
        if name in REAL:
            files |= _installed(name)
            if points := distribution(name).read_text("entry_points.txt"):  # setuptools finds its own commands there
                files[f"{stem}.dist-info/entry_points.txt"] = points.encode()
        rows = [f"{path},sha256={_digest(content)},{len(content)}" for path, content in files.items()]
        files[f"{stem}.dist-info/RECORD"] = "\n".join([*rows, f"{stem}.dist-info/RECORD,,\n"]).encode()
        target = self._place(name) / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(target, "w") as archive:
            for path, content in files.items():
                archive.writestr(zipfile.ZipInfo(path), content)  # no date: the same bytes each time
        return target

    def _source(self, name: str, version: str) -> Path:
        target = self._place(name) / f"{name}-{version}.tar.gz"
        files = {
            "setup.py": f"from setuptools import setup\nsetup(name={name!r}, version={version!r}, py_modules=[])\n",
            "PKG-INFO": _metadata(name, version),
        }
        with tarfile.open(target, "w:gz") as archive:
            for path, text in files.items():
                entry = tarfile.TarInfo(f"{name}-{version}/{path}")
                entry.size = len(text.encode())
                archive.addfile(entry, io.BytesIO(text.encode()))
        return target


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve an index; yields the address that pip's `--index-url` takes."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()
            thread.join()


def _metadata(name: str, version: str) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    try:
        original = distribution(name).metadata
    except PackageNotFoundError:  # the lock belongs to another environment
        return "\n".join([*lines, ""])
    for field in ("Requires-Dist", "Provides-Extra"):
        lines += [f"{field}: {value}" for value in original.get_all(field) or ()]
    return "\n".join([*lines, ""])


def _installed(name: str) -> dict[str, bytes]:
    """Return the files of a package that is installed here, without those that describe the installation."""
    found = distribution(name)
    files = {str(file): Path(str(file.locate())) for file in found.files or ()}
    return {
        path: place.read_bytes()
        for path, place in files.items()
        if not path.startswith("..") and ".dist-info/" not in path and not path.endswith(".pyc") and place.is_file()
    }


def _digest(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
