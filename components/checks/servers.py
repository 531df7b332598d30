"""Rules for a server: what it boots from, its ports together."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from multiport.components.arguments import MultiPortInstanceArgs
from multiport.components.checks import facts, floating_ips, guests, names, ports, slots
from multiport.components.checks.facts import NetworkFacts
from multiport.components.config_error import Fault, key_path, named
from multiport.components.known import known_text
from multiport.components.topology import PortOptions, ServerConfig, ServerOptions
from multiport.guest.errors import shown

SMALLEST_VOLUME = 1
"""GiB."""


def check_server(
    path: str,
    server: ServerConfig | MultiPortInstanceArgs,
    networks: Mapping[str, NetworkFacts],
    external_network: str | None = None,
) -> Iterator[Fault]:
    """What is wrong with a server and its ports.

    Args:
        path: Where it stands.
        server: The server.
        networks: What is known of each port's network, by the port's key; of others, nothing is.
        external_network: The pool of floating IPs that name none; None: not known.
    """
    ports_at = key_path(path, "ports")
    yield from names.check_host_name(key_path(path, "name"), server.get("name"))
    yield from names.check_names(
        path,
        flavor=known_text(server["flavor"]),
        image=known_text(server.get("image")),
        key_pair=known_text(server.get("key_pair")),
        availability_zone=server.get("availability_zone"),
    )
    yield from names.check_tags(key_path(path, "tags"), server.get("tags", []))
    yield from _image(path, server)
    yield from names.check_keys(ports_at, server["ports"])
    for key, port in server["ports"].items():
        yield from ports.check_port(key_path(ports_at, key), port, networks.get(key), external_network)
    yield from _primary(path, server.get("primary_port"), server["ports"])
    yield from slots.check_slots(ports_at, server["ports"])
    yield from slots.check_former_keys(ports_at, server["ports"])
    yield from _macs(ports_at, server["ports"])
    yield from floating_ips.check_own_keys(path, server["ports"])
    yield from _overlaps(ports_at, networks)
    yield from _config_drive(key_path(path, "config_drive"), server, server["ports"], networks)
    yield from guests.check_guest(path, server, server["ports"])


def check_instance(path: str, server: MultiPortInstanceArgs) -> Iterator[Fault]:
    """What is wrong with the arguments of a MultiPortInstance, whose ports bring references to their networks."""
    ports_at = key_path(path, "ports")
    networks = {key: facts.of_reference(port["network"]) for key, port in server["ports"].items()}
    yield from check_server(path, server, networks, server.get("external_network"))
    yield from ports.check_pins(
        pin for key, port in server["ports"].items() for pin in ports.pins_of(key_path(ports_at, key), port, networks[key])
    )
    yield from ports.check_virtual_pairs(ports_at, server["ports"], networks)
    yield from floating_ips.check_adopted_once(
        adopted
        for key, port in server["ports"].items()
        for adopted in floating_ips.adopted(floating_ips.of_port(key_path(ports_at, key), port))
    )


def _image(path: str, server: ServerOptions) -> Iterator[Fault]:
    yield from names.check_id(key_path(path, "image_id"), known_text(server.get("image_id")))
    if "image" in server and "image_id" in server:
        yield Fault(key_path(path, "image"), "image_id names an image as well", "Take out one of the two")
    if "image" not in server and "image_id" not in server:
        yield Fault(key_path(path, "image"), "neither image nor image_id says what to boot", "Give the image's name or its id")
    if "boot_volume" in server:
        volume = server["boot_volume"]
        yield from names.check_names(key_path(path, "boot_volume"), volume_type=volume.get("volume_type"))
        if volume["size"] < SMALLEST_VOLUME:
            yield Fault(
                key_path(path, "boot_volume", "size"),
                f"{shown(volume['size'])} GiB is too small for a volume",
                f"Use at least {SMALLEST_VOLUME}",
            )


def _primary(path: str, primary: str | None, given: Mapping[str, PortOptions]) -> Iterator[Fault]:
    boot = slots.boot_ports(given)
    at = key_path(path, "primary_port")
    if not boot:
        yield Fault(key_path(path, "ports"), "there is no boot port", "Give one port that is not hot")
    elif primary is not None and primary not in given:
        yield names.unknown(at, "port of the server", primary, boot)
    elif primary is not None and primary not in boot:
        yield Fault(
            at,
            f"{named(primary)} is hot, and the guest boots without it",
            f"Name a boot port: {' or '.join(map(named, sorted(boot)))}",
        )


def _macs(path: str, given: Mapping[str, PortOptions]) -> Iterator[Fault]:
    """The guest tells its NICs apart by their MAC addresses, on whatever networks they are."""
    owners: dict[str, str] = {}
    for key, port in given.items():
        mac = port.get("mac_address")
        if mac is not None and owners.setdefault(mac, key) != key:
            yield Fault(
                key_path(path, key, "mac_address"),
                f"{shown(mac)} is the MAC address of the port {named(owners[mac])} already",
                "Give each port its own, or leave it to Neutron",
            )


def _overlaps(path: str, networks: Mapping[str, NetworkFacts]) -> Iterator[Fault]:
    """A guest cannot tell two networks apart that use the same addresses."""
    by_network: dict[object, tuple[str, NetworkFacts]] = {}
    for key, network in networks.items():
        by_network.setdefault(network.identity, (key, network))
    for (first_key, first), (key, second) in combinations(by_network.values(), 2):
        for subnet in first.subnets.values():
            for other in second.subnets.values():
                if subnet and other and subnet.cidr.version == other.cidr.version and subnet.cidr.overlaps(other.cidr):
                    yield Fault(
                        key_path(path, key),
                        f"its network's subnet {other.cidr} overlaps {subnet.cidr} of the port {named(first_key)}'s network",
                        "Attach a server only to networks whose subnets are apart",
                    )


def _config_drive(
    at: str, server: ServerOptions, given: Mapping[str, PortOptions], networks: Mapping[str, NetworkFacts]
) -> Iterator[Fault]:
    if server.get("config_drive", True):
        return
    subnets = [subnet for network in networks.values() for subnet in network.subnets.values()]
    if len(given) > 1:
        yield Fault(at, "a guest with several ports may not reach the metadata service before they are set up", "Leave it out")
    elif subnets and all(subnet is not None and subnet.dhcp is False for subnet in subnets):
        yield Fault(at, "without DHCP the guest learns its address from the config drive alone", "Leave it out")
