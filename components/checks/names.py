"""Keys, display names and other free text, and what to say when one names nothing."""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping

from multiport.components.checks import known
from multiport.components.config_error import Fault, key_path, named, shown

# Keys become resource names, metadata keys and host names: the strictest of these, with room for a prefix, is the host name.
KEY = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
# One label of a host name (RFC 1123).
HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
# Nova's and Neutron's limit for names.
LONGEST_NAME = 255
# Nova's limits for a server's tags, and what `naming` puts among them.
LONGEST_TAG = 60
MOST_TAGS = 50
OUR_TAGS = 3
# Longer words resemble nothing, and comparing them takes time.
LONGEST_COMPARED = 64


def key_faults(path: str, args: Mapping[str, object], under: str) -> Iterator[Fault]:
    """Every key of the mapping `under` is one that the cloud and the guest can carry."""
    for key in known.mapping(args, under):
        yield from one_key_faults(key_path(path, under, key), key)


def one_key_faults(path: str, key: str) -> Iterator[Fault]:
    """A key is one that the cloud and the guest can carry."""
    if not KEY.fullmatch(key):
        yield Fault(
            path,
            f"{shown(key)} is not a key that resource names, metadata keys and host names can carry",
            "Use 1 to 32 lower-case letters, digits and hyphens, with a letter or digit at both ends",
        )


def text_faults(path: str, args: Mapping[str, object], *keys: str) -> Iterator[Fault]:
    """Names in the cloud: printable, not empty, not longer than 255 characters."""
    for key in keys:
        value = known.text(args, key)
        if value is None:
            continue
        if not value.strip():
            yield Fault(key_path(path, key), f"{shown(value)} is empty", "Write a name")
        elif value.strip() != value:
            yield Fault(key_path(path, key), f"{shown(value)} has blanks at an end", "Take them out")
        elif not value.isprintable():
            yield Fault(key_path(path, key), f"{shown(value)} holds characters that cannot be printed", "Take them out")
        elif len(value) > LONGEST_NAME:
            yield Fault(
                key_path(path, key), f"{shown(value)} has {len(value)} characters", f"Use at most {LONGEST_NAME} characters"
            )


def host_name_faults(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """A server's name becomes its host name."""
    name = known.text(server, "name")
    if name is not None and not HOST_NAME.fullmatch(name):
        yield Fault(
            key_path(path, "name"),
            f"{shown(name)} cannot be the guest's host name",
            "Use 1 to 63 letters, digits and hyphens, with a letter or digit at both ends",
        )


def id_faults(path: str, args: Mapping[str, object], key: str) -> Iterator[Fault]:
    """An id of the cloud's is a UUID."""
    value = known.text(args, key)
    if value is not None and not UUID.fullmatch(value):
        yield Fault(key_path(path, key), f"{shown(value)} is not an id", "Write the UUID that the cloud shows for it")


def tag_faults(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """Nova's rules for tags, and our own tags left alone."""
    tags = known.items(server, "tags")
    seen: set[str] = set()
    for position, tag in enumerate(tags):
        if not isinstance(tag, str):
            continue
        at = key_path(path, "tags", position)
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
            key_path(path, "tags"),
            f"{len(tags)} tags are too many: Nova takes {MOST_TAGS}, and {OUR_TAGS} are ours",
            f"Use at most {MOST_TAGS - OUR_TAGS}",
        )


def one_of(path: str, args: Mapping[str, object], key: str, values: Collection[str]) -> Iterator[Fault]:
    """The text under a key is one of a few words."""
    value = known.text(args, key)
    if value is not None and value not in values:
        yield Fault(key_path(path, key), f"{shown(value)} is not one of {', '.join(values)}", f"Write {best(value, values)}")


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
    by_lower = {each.lower(): each for each in sorted(valid)}
    found = difflib.get_close_matches(name[:LONGEST_COMPARED].lower(), by_lower, n=1)
    return by_lower[found[0]] if found else None


def best(value: str, values: Collection[str]) -> str:
    """The word probably meant, else the choice of all."""
    return nearest(value, values) or " or ".join(values)
