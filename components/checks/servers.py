"""Rules for a server: what it boots from, its ports together."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from multiport.components.checks import facts, floating_ips, guests, known, names, ports, slots
from multiport.components.checks.facts import NetworkFacts
from multiport.components.config_error import Fault, key_path, named, shown


def server_faults(
    path: str, server: Mapping[str, object], networks: Mapping[str, NetworkFacts], external_network: str | None = None
) -> Iterator[Fault]:
    """What is wrong with a server and its ports.

    Args:
        path: Where it stands.
        server: A `ServerConfig`, or a component's `MultiPortInstanceArgs`.
        networks: What is known of each port's network, by the port's key; of others, nothing is.
        external_network: The pool of floating IPs that name none; None: not known.
    """
    yield from names.host_name_faults(path, server)
    yield from names.text_faults(path, server, "flavor", "image", "key_pair", "availability_zone")
    yield from names.tag_faults(path, server)
    yield from _image(path, server)
    yield from names.key_faults(path, server, "ports")
    for key, port in known.mappings(server, "ports").items():
        yield from ports.port_faults(key_path(path, "ports", key), port, networks.get(key), external_network)
    yield from _primary(path, server)
    yield from slots.slot_faults(path, server)
    yield from slots.formerly_faults(path, server)
    yield from _macs(path, server)
    yield from floating_ips.own_key_faults(path, server)
    yield from _overlaps(path, networks)
    yield from _config_drive(path, server, networks)
    yield from guests.guest_faults(path, server)


def instance_faults(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """What is wrong with a `MultiPortInstanceArgs`, whose ports bring references to their networks."""
    given = known.mappings(server, "ports")
    networks = {key: facts.of_reference(known.mapping(port, "network")) for key, port in given.items()}
    yield from server_faults(path, server, networks, known.text(server, "external_network"))
    yield from ports.pin_faults(
        [pin for key, port in given.items() for pin in ports.pins(key_path(path, "ports", key), port, networks[key])]
    )
    yield from ports.virtual_pair_faults(path, server, networks)
    yield from floating_ips.adopted_faults(
        [each for key, port in given.items() for each in floating_ips.adopted(key_path(path, "ports", key), port)]
    )


def _image(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    yield from names.id_faults(path, server, "image_id")
    if known.given(server, "image") and known.given(server, "image_id"):
        yield Fault(key_path(path, "image"), "image_id names an image as well", "Take out one of the two")
    if not known.given(server, "image") and not known.given(server, "image_id"):
        yield Fault(key_path(path, "image"), "neither image nor image_id says what to boot", "Give the image's name or its id")
    volume = known.mapping(server, "boot_volume")
    size = known.number(volume, "size")
    yield from names.text_faults(key_path(path, "boot_volume"), volume, "volume_type")
    if size is not None and size < 1:
        yield Fault(key_path(path, "boot_volume", "size"), f"{shown(size)} GiB is no volume", "Use at least 1")


def _primary(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    boot = slots.boot_ports(server)
    primary = known.text(server, "primary_port")
    at = key_path(path, "primary_port")
    if not boot:
        yield Fault(key_path(path, "ports"), "there is no boot port", "Give one port that is not hot")
    elif primary is not None and primary not in known.mapping(server, "ports"):
        yield names.unknown(at, "port of the server", primary, boot)
    elif primary is not None and primary not in boot:
        yield Fault(
            at,
            f"{named(primary)} is hot, and the guest boots without it",
            f"Name a boot port: {' or '.join(map(named, sorted(boot)))}",
        )


def _macs(path: str, server: Mapping[str, object]) -> Iterator[Fault]:
    """The guest tells its NICs apart by their MAC addresses, on whatever networks they are."""
    owners: dict[str, str] = {}
    for key, port in known.mappings(server, "ports").items():
        mac = known.text(port, "mac_address")
        if mac is not None and owners.setdefault(mac, key) != key:
            yield Fault(
                key_path(path, "ports", key, "mac_address"),
                f"{shown(mac)} is the MAC address of the port {named(owners[mac])} already",
                "Give each port its own, or leave it to Neutron",
            )


def _overlaps(path: str, networks: Mapping[str, NetworkFacts]) -> Iterator[Fault]:
    """A guest cannot tell two networks apart that use the same addresses."""
    by_network: dict[object, tuple[str, NetworkFacts]] = {}
    for key, network in networks.items():
        by_network.setdefault(network.identity, (key, network))
    for (first_key, first), (key, second) in combinations(by_network.values(), 2):
        for each in first.subnets.values():
            for other in second.subnets.values():
                if each and other and each.cidr.version == other.cidr.version and each.cidr.overlaps(other.cidr):
                    yield Fault(
                        key_path(path, "ports", key),
                        f"its network's subnet {other.cidr} overlaps {each.cidr} of the port {named(first_key)}'s network",
                        "Attach a server only to networks whose subnets are apart",
                    )


def _config_drive(path: str, server: Mapping[str, object], networks: Mapping[str, NetworkFacts]) -> Iterator[Fault]:
    if known.flag(server, "config_drive") is not False:
        return
    at = key_path(path, "config_drive")
    subnets = [subnet for network in networks.values() for subnet in network.subnets.values()]
    if len(known.mapping(server, "ports")) > 1:
        yield Fault(at, "a guest with several ports may not reach the metadata service before they are set up", "Leave it out")
    elif subnets and all(subnet is not None and subnet.dhcp is False for subnet in subnets):
        yield Fault(at, "without DHCP the guest learns its address from the config drive alone", "Leave it out")
