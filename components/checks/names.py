"""Keys, display names and other free text, and what to say when one names nothing."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from multiport.components.config_error import Fault, key_path, named
from multiport.guest.errors import shown
from multiport.guest.metadata import PORT_KEY

# Keys become resource names, metadata keys and host names; the strictest of these is the metadata key of a port.
KEY = PORT_KEY
# One label of a host name (RFC 1123).
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
# Nova's and Neutron's limit for names, and Neutron's for descriptions.
LONGEST_NAME = 255
# Nova's limits for a server's tags, and what `naming` puts among them.
LONGEST_TAG = 60
MOST_TAGS = 50
OUR_TAGS = 3
# Longer words resemble nothing, and comparing them takes time.
LONGEST_COMPARED = 64
# Share of a word's letters that a misspelling keeps, as difflib counts them; 0.6 is its own default for whole names.
LEAST_RESEMBLANCE = 0.6


def check_keys(path: str, keys: Iterable[str]) -> Iterator[Fault]:
    """Every key of a mapping is one that the cloud and the guest can carry."""
    for key in keys:
        yield from check_key(key_path(path, key), key)


def check_key(path: str, key: str) -> Iterator[Fault]:
    """A key is one that the cloud and the guest can carry."""
    if not KEY.fullmatch(key):
        yield Fault(
            path,
            f"{shown(key)} is not a key that resource names, metadata keys and host names can carry",
            "Use 1 to 32 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        )


def check_names(path: str, **names: str | None) -> Iterator[Fault]:
    """Names in the cloud are printable, not empty, and not longer than 255 characters.

    Args:
        path: Where they stand.
        names: Each under its key; None for one that is absent or not known yet.
    """
    for key, name in names.items():
        if name is not None:
            yield from _printable(key_path(path, key), name, "Write a name")


def check_text(path: str, text: str | None) -> Iterator[Fault]:
    """Free text in the cloud, such as a description, is held to the rules for names; unlike a name it can be done without.

    An empty one is refused because the provider cannot tell it from none.
    """
    if text is not None:
        yield from _printable(path, text, "Leave it out")


def check_host_name(path: str, name: str | None) -> Iterator[Fault]:
    """A server's name becomes its host name."""
    if name is not None and not HOST_NAME.fullmatch(name):
        yield Fault(
            path,
            f"{shown(name)} cannot be the guest's host name",
            "Use 1 to 63 letters, digits and hyphens, with a letter or digit at both ends",
        )


def check_id(path: str, value: str | None) -> Iterator[Fault]:
    """An id of the cloud's is a UUID."""
    if value is not None and not UUID.fullmatch(value):
        yield Fault(path, f"{shown(value)} is not an id", "Write the UUID that the cloud shows for it")


def check_tags(path: str, tags: Sequence[str]) -> Iterator[Fault]:
    """Nova's rules for tags, and our own tags left alone."""
    seen: set[str] = set()
    for position, tag in enumerate(tags):
        at = key_path(path, position)
        if not tag or not tag.isprintable() or "/" in tag or "," in tag or len(tag) > LONGEST_TAG:
            yield Fault(
                at,
                f"{shown(tag)} is not a tag; Nova answers 400",
                f"Use 1 to {LONGEST_TAG} printable characters without '/' and ','",
            )
        elif tag == "multiport" or tag.startswith("multiport."):
            yield Fault(at, f"{shown(tag)} is one of the tags that tell our servers from others", "Choose another tag")
        elif tag in seen:
            yield Fault(at, f"{shown(tag)} is there already", "Take it out")
        seen.add(tag)
    if len(tags) > MOST_TAGS - OUR_TAGS:
        yield Fault(
            path,
            f"{len(tags)} tags are too many: Nova takes {MOST_TAGS}, and {OUR_TAGS} are ours",
            f"Use at most {MOST_TAGS - OUR_TAGS}",
        )


def check_word(path: str, value: str | None, words: Collection[str]) -> Iterator[Fault]:
    """A text is one of a few words."""
    if value is not None and value not in words:
        yield Fault(path, f"{shown(value)} is not one of {', '.join(words)}", f"Write {best(value, words)}")


def unknown(path: str, kind: str, name: str, declared: Collection[str]) -> Fault:
    """A reference to something that the configuration does not hold."""
    return Fault(path, f"{shown(name)} is not the key of a {kind}", suggestion(name, declared))


def suggestion(name: str, valid: Collection[str]) -> str:
    """The remedy for a word that is none of the valid ones: the nearest of them, else all."""
    near = nearest(name, valid)
    if near is not None:
        return f"Did you mean {named(near)}?"
    return f"Valid here: {', '.join(map(named, sorted(valid)))}" if valid else "There is none yet: declare it first"


def nearest(name: str, valid: Collection[str]) -> str | None:
    """The valid word that a misspelt one resembles most, or None."""
    by_lower = {word.lower(): word for word in sorted(valid)}
    wanted = name[:LONGEST_COMPARED].lower()
    found = [word for word in difflib.get_close_matches(wanted, by_lower) if _word_by_word(wanted, word)]
    return by_lower[found[0]] if found else None


def _printable(path: str, text: str, if_empty: str) -> Iterator[Fault]:
    if not text.strip():
        yield Fault(path, f"{shown(text)} is empty", if_empty)
    elif text.strip() != text:
        yield Fault(path, f"{shown(text)} has blanks at an end", "Take them out")
    elif not text.isprintable():
        yield Fault(path, f"{shown(text)} holds characters that cannot be printed", "Take them out")
    elif len(text) > LONGEST_NAME:
        yield Fault(path, f"{shown(text)} has {len(text)} characters", f"Use at most {LONGEST_NAME} characters")


def _word_by_word(name: str, other: str) -> bool:
    """Whether each word of two names resembles the other's: mac_address is not a misspelt ip_address."""
    words, others = name.split("_"), other.split("_")
    return len(words) != len(others) or all(
        difflib.SequenceMatcher(None, word, other_word).ratio() >= LEAST_RESEMBLANCE
        for word, other_word in zip(words, others, strict=True)
    )


def best(value: str, values: Collection[str]) -> str:
    """The word probably meant, else the choice of all."""
    return nearest(value, values) or " or ".join(values)
