"""Draws the picture of the README: a recorded terminal session as an SVG image.

`python -m tools.picture --write` draws docs/images/make-up.svg from docs/images/make-up.txt. The text was printed by `make up`,
shortened to a few servers; a test compares the two files.
"""

import io
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

FOLDER: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
SESSION: Final = FOLDER / "make-up.txt"
PICTURE: Final = FOLDER / "make-up.svg"

PROMPT: Final = "$ "
NAME: Final = "multiport"  # prefix of the ids in the picture, which rich would otherwise derive from the text

# rich's own template loads a font from the Internet; a picture in a repository must not
TEMPLATE: Final = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px; line-height: {line_height}px; white-space: pre; }}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""


def draw(session: str) -> str:
    """Return the picture of a terminal session.

    Args:
        session: What the terminal showed. Lines that begin with a prompt are the commands.
    """
    lines = session.splitlines()
    console = Console(record=True, width=max(map(len, lines)), file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for line in lines:
        style = "bold green" if line.startswith(PROMPT) else "dim" if line.startswith("==>") else ""
        console.print(Text(line, style=style), highlight=False)
    picture = console.export_svg(title="multiport", code_format=TEMPLATE, unique_id=NAME)
    return "\n".join(line.rstrip() for line in picture.splitlines()) + "\n"


def main() -> int:
    """Write the picture, or say whether it is up to date; returns the exit status."""
    picture = draw(SESSION.read_text())
    if sys.argv[1:] == ["--write"]:
        PICTURE.write_text(picture)
        return 0
    current = PICTURE.exists() and PICTURE.read_text() == picture
    print(f"{PICTURE.name} is {'up to date' if current else 'out of date: python -m tools.picture --write draws it anew'}")
    return 0 if current else 1


if __name__ == "__main__":
    sys.exit(main())
