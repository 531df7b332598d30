"""The packed form of the files that the launcher unpacks on the server.

It is kept in the repository, for its bytes are part of the user data, whose every change replaces servers, and compressors
may differ from version to version. `python -m multiport.guest.packing` writes it anew after a change of the program or its units.
It is bzip2 in base85, which is a fifth smaller than gzip in base64: Nova leaves little room.
"""

import base64
import bz2
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from multiport.guest.program.launcher import HEADING

PACKED: Final = Path(__file__).parent / "program.bz2.b85"
"""The file of the packed form."""

_LINE_CHARACTERS: Final = 126


def pack(contents: Mapping[str, str]) -> str:
    """Return the packed form of files, given by their path on the server. Its bytes may depend on this machine's compressor."""
    text = "".join(f"{HEADING}{path}\n{content}" for path, content in contents.items())
    data = base64.b85encode(bz2.compress(text.encode("ascii"))).decode("ascii")
    return "".join(f"{data[start : start + _LINE_CHARACTERS]}\n" for start in range(0, len(data), _LINE_CHARACTERS))


def unpack(packed: str) -> dict[str, str]:
    """Return the files of a packed form by their path on the server, as the launcher does.

    Raises:
        ValueError: It is no packed form.
    """
    try:
        text = bz2.decompress(base64.b85decode(packed.replace("\n", ""))).decode("ascii")
    except OSError as error:
        raise ValueError(f"this is not a packed program: {error}") from error
    parts = f"\n{text}".split(f"\n{HEADING}")[1:]
    if not parts:
        raise ValueError("this is not a packed program: it holds no file")
    return {path: content.rstrip("\n") + "\n" for path, _, content in (part.partition("\n") for part in parts)}


def main() -> int:
    """Write the packed form anew if what it holds is not what there is now."""
    from multiport.guest.files import packed_files  # noqa: PLC0415 - it reads the packed form, which may not be there yet

    contents = {file.path: file.content for file in packed_files()}
    if not PACKED.exists() or unpack(PACKED.read_text(encoding="ascii")) != contents:
        PACKED.write_text(pack(contents), encoding="ascii")
        print(f"{PACKED.name}: {PACKED.stat().st_size:,} bytes for {sum(map(len, contents.values())):,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
