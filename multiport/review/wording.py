"""Escapes foreign text in the report, so that it can neither end a code span, a table cell or a fence nor be invisible."""

import html
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 200
"""The longest value that is shown in a line, in characters; the full diff contains the rest."""

# Format characters turn text around (Trojan Source) or hide it; surrogates cannot be written at all; what is not assigned, or is
# for private use, looks like anything or nothing; of all blanks only the usual one looks like one.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"})

# Letters and marks that show nothing: the rest of Unicode's Default_Ignorable_Code_Point, and the blank Braille pattern.
_SHOW_NOTHING: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# Letters of scripts that are read from the right: between isolates they order themselves and nothing around them.
_FROM_THE_RIGHT: Final = frozenset({"R", "AL", "AN"})
_ISOLATE, _END_OF_ISOLATE = "\u2068", "\u2069"


def visible(text: str, *, keep: str = "") -> str:
    """Write invisible characters as escapes, and isolate lines that contain right-to-left letters.

    Args:
        text: Anything.
        keep: Characters to leave alone, for example newlines in a block.
    """
    if text.isascii() and text.isprintable():
        return text
    escaped = "".join(_escape(each) if _hides(each) and each not in keep else each for each in text)
    if not any(unicodedata.bidirectional(each) in _FROM_THE_RIGHT for each in escaped):
        return escaped
    return "\n".join(
        f"{_ISOLATE}{line}{_END_OF_ISOLATE}" if any(unicodedata.bidirectional(each) in _FROM_THE_RIGHT for each in line) else line
        for line in escaped.split("\n")
    )


def shortened(text: str, most: int) -> str:
    """Cut a visible text after a number of characters, and close the bidirectional isolates that are still open."""
    if len(text) <= most:
        return text
    cut = text[:most]
    return f"{cut}…{_END_OF_ISOLATE * (cut.count(_ISOLATE) - cut.count(_END_OF_ISOLATE))}"


def log_safe(text: str) -> str:
    """Escape a text for the log of a CI job, so that no line of it is a command to the runner.

    GitHub's runner takes `::name ...` at the start of a line, after blanks too, and `##[name]` anywhere (its ActionCommand.cs).
    """
    return re.sub(r"^(\s*(?:\x1b\[[0-9;]*m)*\s*):(?=:)", r"\1\\x3a", text, flags=re.MULTILINE).replace("##[", r"#\x23[")


def _hides(character: str) -> bool:
    return character != " " and (unicodedata.category(character) in _HIDDEN or _SHOW_NOTHING.match(character) is not None)


def code(value: object) -> str:
    """Return a value as a code span that is also safe in a table cell."""
    text = visible(str(value)).replace("`", r"\x60").replace("|", r"\x7c")
    text = shortened(text, LONGEST)
    return f"`{text}`" if text.strip() else "`' '`" if text else "`''`"


def prose(text: str) -> str:
    """Return a foreign sentence as Markdown in which only its code spans have a meaning."""
    parts = text.split("`")
    paired = len(parts) % 2 == 1
    return "".join(
        code(part) if paired and place % 2 else _escaped(part if paired else f"{part}'") for place, part in enumerate(parts)
    )


def _escaped(text: str) -> str:
    escaped = re.sub(r"([\\`*_{}\[\]<>()#~|!&$]|:(?=//)|(?<=www)\.|^\s*[-+])", r"\\\1", visible(text))
    escaped = re.sub(r"^(\s*\d+)\.", r"\1\\.", escaped)  # else the start of a list
    return escaped.replace("@", "@\u200b")  # the hosts look for mentions in the finished text, where a backslash is gone


def codes(values: Iterable[object]) -> str:
    """Return values as code spans, separated by commas."""
    return ", ".join(code(value) for value in values)


def summary(values: Iterable[object]) -> str:
    """Return values as HTML code for the summary of a fold, in which the hosts do not render Markdown."""
    return ", ".join(f"<code>{html.escape(shortened(visible(str(value)), LONGEST))}</code>" for value in values)


def block(text: str, language: str = "") -> str:
    """Return a fenced block that nothing in the text can close."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{visible(text, keep=chr(10) + chr(9))}\n{fence}"


def count(number: int, what: str) -> str:
    """Return a number with its noun, for example `1 port` or `2 ports`."""
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}es" if what.endswith("ss") else f"{what}s"
    return f"{number} {what if number == 1 else plural}"


def _escape(character: str) -> str:
    number = ord(character)
    return {"\n": r"\n", "\t": r"\t", "\r": r"\r"}.get(
        character,
        f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}",  # noqa: PLR2004 - as Python writes them
    )
