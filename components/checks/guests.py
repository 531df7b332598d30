"""Rules for what a server's guest is told: by its user data at birth, by its metadata later."""

from collections.abc import Iterator, Mapping

from multiport.components.checks import known, names, slots
from multiport.components.config_error import Fault, key_path, shown
from multiport.guest import cloud_config, metadata
from multiport.guest.errors import GuestError
from multiport.guest.plan import SLOT_MAX, BootPort, RoutingPlan

RETURN_PATHS = ("policy_routing", "none")
GUEST_UPDATES = ("replace", "keep")


def guest_faults(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with a server's return path, its options, the user's own metadata and cloud-config."""
    yield from _guest_update(path, server)
    yield from _routing(path, server)
    yield from _metadata(path, server)
    yield from _user_data(path, server)


def _guest_update(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    yield from names.one_of(path, server, "return_path", RETURN_PATHS)
    yield from names.one_of(path, server, "guest_update", GUEST_UPDATES)
    generation = known.number(server, "guest_generation")
    if generation is not None and generation < 0:
        yield Fault(key_path(path, "guest_generation"), f"{shown(generation)} is below 0", "Count up from 0")
    elif generation and known.text(server, "guest_update") != "keep":
        yield Fault(
            key_path(path, "guest_generation"),
            "it says when to replace a server whose guest_update is keep, which this one's is not",
            "Say guest_update: keep, or take it out",
        )


def _routing(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    routing = known.mapping(server, "routing")
    if known.given(server, "routing") and known.text(server, "return_path") == "none":
        yield Fault(
            key_path(path, "routing"),
            "return_path is none, and nothing that could follow it is installed",
            "Take out one of the two",
        )
    try:
        metadata.RoutingOptions(
            connmark=known.flag(routing, "connmark") or False,
            forward=known.flag(routing, "forward") or False,
            table_names=known.flag(routing, "table_names") or False,
            echo_url=known.text(routing, "echo_url"),
        )
    except GuestError as error:
        yield _of_guest(path, error)


def _metadata(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    given = known.mapping(server, "metadata")
    for key, value in given.items():
        try:
            metadata.server_metadata((), metadata.RoutingOptions(), {key: value} if isinstance(value, str) else {})
        except GuestError as error:
            yield _of_guest(path, error)
    ours = len(known.mapping(server, "ports")) + 1
    if len(given) + ours > metadata.ITEMS_MAX:
        yield Fault(
            key_path(path, "metadata"),
            f"{len(given)} items are too many: Nova's default quota is {metadata.ITEMS_MAX}, and {ours} are ours",
            f"Use at most {metadata.ITEMS_MAX - ours}",
        )


def _user_data(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """Render the user data as the cloud will get it, with stand-ins of the same length for the MAC addresses."""
    users = known.text(server, "cloud_config")
    if users is None:
        return
    plan = None if known.text(server, "return_path") == "none" else _plan(server)
    try:
        cloud_config.user_data(plan, users)
    except GuestError as error:
        yield _of_guest(path, error)


def _plan(server: Mapping[str, object]) -> RoutingPlan:
    found = sorted({slots.slot_of(key, port) for key, port in slots.boot_ports(server).items()})
    # slots at fault are named by their own rules; here any ports will do
    usable = [slot for slot in found if 1 <= slot <= SLOT_MAX] or [SLOT_MAX]
    return RoutingPlan(
        tuple(BootPort(slot, f"fa:16:3e:00:{slot // 256:02x}:{slot % 256:02x}", primary=slot == usable[0]) for slot in usable)
    )


def _of_guest(path: str, error: GuestError) -> Fault:
    return Fault(f"{path}.{error.key}", error.problem, error.remedy)
