"""What the CLI created and never came to tag is seen where nobody else would have made it, and a stranger's is not."""

import json
from typing import Any

import pytest

from multiport.audit.finding import Kind
from multiport.audit.state import read
from tests.audit.conftest import Deployed


def without(deployed: Deployed, kind: str, name: str) -> Deployed:
    """The same stack, whose state has lost one resource, as if its creation had never been seen to end."""
    text = json.loads(deployed.stack._call("stack", "export").stdout)
    resources = text["deployment"]["resources"]
    kept = [each for each in resources if not (each["type"].endswith(f":{kind}") and each["urn"].endswith(f"::{name}"))]
    assert len(kept) == len(resources) - 1
    text["deployment"]["resources"] = kept
    return Deployed(deployed.stack, deployed.api, read(json.dumps(text)))


def test_a_port_on_the_stacks_own_network(deployed: Deployed) -> None:
    network = deployed.api.network
    port = network.create_port(network_id=deployed.id("Network", "back"), name="audited-web-later")
    other = network.create_port(network_id=deployed.id("Network", "back"), name="somebody's")
    findings = deployed.audit()
    assert [(each.kind, each.what, each.id) for each in findings] == [(Kind.UNTAGGED, "port", port.id)]
    for each in (port, other):
        network.delete_port(each)


@pytest.mark.parametrize(
    ("kind", "name", "what", "make"),
    [
        ("Router", "front-router", "router", lambda network: network.create_router(name="audited-front")),
        ("SecGroup", "reachable", "security group", lambda network: network.create_security_group(name="audited-reachable")),
        ("Network", "back", "network", lambda network: network.create_network(name="audited-back")),
        (
            "FloatingIp",
            "web-a.v4",
            "floating IP",
            lambda network: network.create_ip(
                floating_network_id=network.find_network("PUBLICNET").id, description="audited-web-a.v4"
            ),
        ),
    ],
)
def test_what_a_component_lacks(deployed: Deployed, kind: str, name: str, what: str, make: Any) -> None:
    network = deployed.api.network
    made = make(network)
    try:
        assert deployed.audit() == []  # the state has one, so that this may be anybody's
        findings = without(deployed, kind, name).audit()
        assert (Kind.UNTAGGED, what, made.id) in {(each.kind, each.what, each.id) for each in findings}
    finally:
        delete = {"router": "router", "security group": "security_group", "network": "network", "floating IP": "ip"}[what]
        getattr(network, f"delete_{delete}")(made)
