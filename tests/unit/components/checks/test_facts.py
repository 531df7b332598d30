"""What is known of a network from the reference that a port is given."""

from typing import Any

import pytest

from multiport.components import checks
from tests.unit.components.unknown_values import instance, output, reference

pytestmark = pytest.mark.usefixtures("event_loop")


def test_a_reference_without_subnets_or_gateway() -> None:
    def found(network: dict[str, Any]) -> list[str]:
        return [fault.key for fault in checks.check_instance("web", instance({"network": network, "floating_ip": {}}))]

    assert found({"id": output("n1"), "routed": True}) == ["web.ports.a.floating_ip"]
    for gateway in ({}, {"gateway_ip": ""}):
        subnet = {"id": output("s1"), "cidr": "192.168.0.0/24", **gateway}
        assert found(reference(routed=True, subnets={"a": subnet})) == ["web.ports.a.floating_ip"]
    assert found(reference(routed=True, subnets={"a": {"id": output("s1"), "cidr": "nonsense"}})) == []
    assert found(reference(routed=True)) == []


def test_networks_are_told_apart_by_their_ids() -> None:
    ids = [output("n1"), output("n2"), "n3"]
    for first in ids:
        for second in ids:
            ports: Any = {
                key: {"network": reference(id=each), "slot": slot}
                for slot, (key, each) in enumerate([("a", first), ("b", second)], 1)
            }
            found = [fault.key for fault in checks.check_instance("web", {"flavor": "f", "image": "i", "ports": ports})]
            assert found == ([] if first is second else ["web.ports.b"])
