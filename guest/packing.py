"""The program as one text file, which the launcher unpacks on the server, and its packed form for user data.

The packed form is kept in the repository, for its bytes are part of the user data, whose every change replaces servers: zlib's
differ from version to version. `python -m multiport.guest.packing` writes it anew.
"""

import base64
import gzip
import sys
from pathlib import Path
from typing import Final

from multiport.guest.program.launcher import HEADING

PROGRAM: Final = Path(__file__).parent / "program"
"""The folder of the program's modules."""

LAUNCHER: Final = PROGRAM / "launcher.py"
"""The one module that stands alone on the server, as the command."""

PACKED: Final = Path(__file__).parent / "program.gz.b64"
"""The packed form."""

_LINE_CHARACTERS: Final = 126


def source() -> str:
    """Return all modules but the launcher as one text, each below a heading with its name."""
    modules = sorted(path for path in PROGRAM.glob("*.py") if path != LAUNCHER)
    return "".join(f"{HEADING}{path.name}\n{path.read_text(encoding='ascii')}" for path in modules)


def packed() -> str:
    """Return the packed form: base64 lines of a gzip stream."""
    return PACKED.read_text(encoding="ascii")


def unpacked(text: str) -> str:
    """Return the source that a packed form holds."""
    return gzip.decompress(base64.b64decode(text)).decode("ascii")


def pack(text: str) -> str:
    """Return a packed form of a source. Its bytes depend on the zlib of this machine."""
    data = base64.b64encode(gzip.compress(text.encode("ascii"), 9, mtime=0)).decode("ascii")
    return "".join(f"{data[start : start + _LINE_CHARACTERS]}\n" for start in range(0, len(data), _LINE_CHARACTERS))


def main() -> int:
    """Write the packed form anew if the source is another one."""
    if not PACKED.exists() or unpacked(packed()) != source():
        PACKED.write_text(pack(source()), encoding="ascii")
        print(f"{PACKED.name}: {len(packed()):,} bytes for {len(source()):,} of source")
    return 0


if __name__ == "__main__":
    sys.exit(main())
