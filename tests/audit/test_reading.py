"""Reading an exported state: what is left out, what is hidden, and what is no state."""

import json

import pytest

from multiport.audit.cloud import Cloud
from multiport.audit.compare import compare
from multiport.audit.finding import Kind
from multiport.audit.state import HIDDEN, StateError, read

PORT = "urn:pulumi:dev::multiport::multiport:index:MultiPortInstance$openstack:networking/port:Port::web-a"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}


def exported(**deployment: object) -> str:
    return json.dumps({"version": 3, "deployment": deployment})


def port(**more: object) -> dict[str, object]:
    return {"urn": PORT, "type": "openstack:networking/port:Port", "custom": True, "id": "p1", "inputs": {}, **more}


def test_project_stack_and_names_come_from_the_urns() -> None:
    state = read(exported(resources=[port()]), project="other", stack="other")
    assert (state.project, state.stack) == ("multiport", "dev")
    [only] = state.of("openstack:networking:Port")
    assert (only.name, only.id) == ("web-a", "p1")


def test_an_empty_state_is_that_of_the_stack_that_was_asked_for() -> None:
    for text in (exported(), exported(resources=None), json.dumps({"deployment": None})):
        state = read(text, project="multiport", stack="dev")
        assert (state.project, state.stack, state.resources) == ("multiport", "dev", ())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"deployment": {"resources": [1]}}', "not JSON"])
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(StateError, match="pulumi stack export"):
        read(text)


def test_secrets_are_hidden_and_never_differ() -> None:
    inputs = {"name": SECRET, "allowedAddressPairs": [{"ipAddress": SECRET}], "tags": ["a"], "__defaults": []}
    state = read(exported(resources=[port(inputs=inputs)]))
    assert state.resources[0].inputs["name"] is HIDDEN
    assert "__defaults" not in state.resources[0].inputs
    found = {"id": "p1", "name": "x", "network_id": "n", "fixed_ips": [], "tags": ["a"], "mac_address": "fa:16:3e:00:00:01"}
    assert compare(state, Cloud("project", ports={"p1": found})) == []


def test_what_waits_for_its_deletion_is_neither_compared_nor_an_orphan() -> None:
    tags = ["multiport", "multiport.stack=multiport.dev", "multiport.owner=web", "multiport.key=a"]
    state = read(exported(resources=[port(delete=True)]))
    found = {"id": "p1", "name": "dev-web-a", "network_id": "n", "project_id": "mine", "tags": tags}
    assert compare(state, Cloud("mine", ports={"p1": found})) == []


def test_a_tag_that_is_cut_off_may_be_another_stacks() -> None:
    long = "s" * 60
    urn = PORT.replace(":dev::", f":{long}::")
    tag = f"multiport.stack=multiport.{long}"[:60]
    stray = {
        "id": "p2",
        "name": f"{long}-web-a",
        "network_id": "n",
        "project_id": "mine",
        "tags": ["multiport", tag, "multiport.owner=web", "multiport.key=a"],
    }
    known = {"id": "p1", "network_id": "n"}
    findings = compare(read(exported(resources=[port(urn=urn)])), Cloud("mine", ports={"p1": known, "p2": stray}))
    assert [each.kind for each in findings] == [Kind.DOUBTFUL]
    assert "cut off" in findings[0].problem


def test_a_router_that_goes_to_another_external_network() -> None:
    # Neutron refuses to take the network from a router that floating IPs go by, so that the local cloud cannot show this
    router = {
        "urn": PORT.replace("port:Port::web-a", "router:Router::front-router"),
        "type": "openstack:networking/router:Router",
        "id": "r1",
        "inputs": {"externalNetworkId": "outside", "enableSnat": False},
    }
    found = {"id": "r1", "external_gateway_info": {"network_id": "elsewhere", "enable_snat": False, "external_fixed_ips": []}}
    [finding] = compare(read(exported(resources=[router])), Cloud("mine", routers={"r1": found}))
    assert (finding.kind, finding.name, finding.attribute) == (Kind.DIFFERS, "front-router", "external_gateway_info")
    assert finding.repair == {"external_gateway_info": {"network_id": "outside", "enable_snat": False}}


@pytest.mark.parametrize("secret", [SECRET, [SECRET]])
def test_a_state_in_which_everything_is_secret_says_nothing_wrong(secret: object) -> None:
    keys = (
        "name", "adminStateUp", "networkId", "portSecurityEnabled", "fixedIps", "securityGroupIds", "allowedAddressPairs", "tags",
        "metadata", "networks", "dnsNameservers", "declared", "flavorName", "imageName",
    )  # fmt: skip
    types = ("networking/port:Port", "networking/subnet:Subnet", "networking/network:Network", "compute/instance:Instance")
    resources = [
        {
            "urn": PORT.replace("networking/port:Port", kind),
            "type": f"openstack:{kind}",
            "id": kind,
            "inputs": dict.fromkeys(keys, secret),
        }
        for kind in types
    ]
    cloud = Cloud(
        "mine",
        ports={types[0]: {"id": types[0], "network_id": "n", "name": "a"}},
        subnets={types[1]: {"id": types[1], "network_id": "n", "name": "b", "dns_nameservers": ["192.0.2.1"]}},
        networks={types[2]: {"id": types[2], "name": "c"}},
        servers={types[3]: {"id": types[3], "name": "d", "metadata": {"e": "f"}, "flavor": {"original_name": "g"}}},
    )
    assert compare(read(exported(resources=resources)), cloud) == []
