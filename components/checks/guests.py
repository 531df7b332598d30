"""Rules for what a server's guest is told: by its user data at birth, by its metadata later."""

from collections.abc import Iterator, Mapping

from multiport.components.checks import names, slots
from multiport.components.config_error import Fault, key_path
from multiport.components.identity import slot_of
from multiport.components.known import known_text
from multiport.components.topology import PortOptions, ServerOptions
from multiport.guest import cloud_config, metadata
from multiport.guest.errors import GuestError, shown
from multiport.guest.plan import SLOT_MAX, BootPort, RoutingPlan

RETURN_PATHS = ("policy_routing", "none")
GUEST_UPDATES = ("replace", "keep")


def check_guest(path: str, server: ServerOptions, ports: Mapping[str, PortOptions]) -> Iterator[Fault]:
    """What is wrong with a server's return path, its options, the user's own metadata and cloud-config.

    Args:
        path: Where the server stands.
        server: The server.
        ports: Its ports.
    """
    yield from _guest_update(path, server)
    yield from _routing(path, server)
    yield from _metadata(path, server.get("metadata", {}), len(ports))
    yield from _user_data(path, server, ports)


def _guest_update(path: str, server: ServerOptions) -> Iterator[Fault]:
    yield from names.check_word(key_path(path, "return_path"), server.get("return_path"), RETURN_PATHS)
    yield from names.check_word(key_path(path, "guest_update"), server.get("guest_update"), GUEST_UPDATES)
    generation = server.get("guest_generation", 0)
    if generation < 0:
        yield Fault(key_path(path, "guest_generation"), f"{shown(generation)} is below 0", "Count up from 0")
    elif generation and server.get("guest_update") != "keep":
        yield Fault(
            key_path(path, "guest_generation"),
            "it says when to replace a server whose guest_update is keep, which this one's is not",
            "Say guest_update: keep, or take it out",
        )


def _routing(path: str, server: ServerOptions) -> Iterator[Fault]:
    if "routing" in server and server.get("return_path") == "none":
        yield Fault(
            key_path(path, "routing"),
            "return_path is none, and nothing that could follow it is installed",
            "Take out one of the two",
        )
    try:
        metadata.RoutingOptions(**server.get("routing", {}))
    except GuestError as error:
        yield _of_guest(path, error)


def _metadata(path: str, given: Mapping[str, str], ports: int) -> Iterator[Fault]:
    for key, value in given.items():
        try:
            metadata.server_metadata((), metadata.RoutingOptions(), {key: value})
        except GuestError as error:
            yield _of_guest(path, error)
    ours = ports + 1
    if len(given) + ours > metadata.ITEMS_MAX:
        yield Fault(
            key_path(path, "metadata"),
            f"{len(given)} items are too many: Nova's default quota is {metadata.ITEMS_MAX}, and {ours} are ours",
            f"Use at most {metadata.ITEMS_MAX - ours}",
        )


def _user_data(path: str, server: ServerOptions, ports: Mapping[str, PortOptions]) -> Iterator[Fault]:
    """Render the user data as the cloud will get it, with stand-ins of the same length for the MAC addresses."""
    users = known_text(server.get("cloud_config"))
    if users is None:
        return
    plan = None if server.get("return_path") == "none" else _plan(ports)
    try:
        cloud_config.user_data(plan, users)
    except GuestError as error:
        yield _of_guest(path, error)


def _plan(ports: Mapping[str, PortOptions]) -> RoutingPlan:
    found = sorted({slot_of(key, port) for key, port in slots.boot_ports(ports).items()})
    # slots at fault are named by their own rules; here any ports will do
    usable = [slot for slot in found if 1 <= slot <= SLOT_MAX] or [SLOT_MAX]
    return RoutingPlan(
        tuple(BootPort(slot, f"fa:16:3e:00:{slot // 256:02x}:{slot % 256:02x}", primary=slot == usable[0]) for slot in usable)
    )


def _of_guest(path: str, error: GuestError) -> Fault:
    return Fault(f"{path}.{error.key}", error.problem, error.remedy)
