"""A whole stack as a part of a program: below a component of the program's own, and with its provider."""

from pathlib import Path
from typing import Any, cast

import pulumi
import pulumi_openstack as openstack
import yaml

from multiport.components import checks
from multiport.components.stack import build
from multiport.components.topology import Topology
from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.wire import Secret

TOP = {
    "PrivateNetwork",
    "SecurityGroup",
    "ServerGroup",
    "AddressPairs",
    "FloatingIps",
    "MultiPortInstance",
}


FILE = Path(__file__).resolve().parents[3] / "stacks" / "Pulumi.prod.yaml"
EDGE = {"image": "Debian-12", "flavor": "gp.0.1.2", "ports": {"public": {"external_network": "PUBLICNET"}}}


def topology() -> Topology:
    """A stack with every kind of part."""
    found = yaml.safe_load(FILE.read_text())["config"]
    config = {key.removeprefix("multiport:"): value for key, value in found.items()}
    return checks.load({**config, "servers": {**config["servers"], "edge": EDGE}})


class Site(pulumi.ComponentResource):
    """A component that has a stack inside."""

    def __init__(self, name: str) -> None:
        super().__init__("shop:index:Site", name, {}, pulumi.ResourceOptions())
        build(topology(), pulumi.ResourceOptions(parent=self))


def parents(found: Deployment) -> dict[str, str]:
    return {called: each.parent for called, each in found.resources.items()}


def test_a_stack_of_its_own_is_at_the_top() -> None:
    found = parents(deploy(lambda: build(topology())))
    top = {called for called, parent in found.items() if parent == ""}
    assert {called.split()[0] for called in top} == TOP


def test_a_stack_in_a_component_is_below_it() -> None:
    alone, inside = parents(deploy(lambda: build(topology()))), parents(deploy(lambda: Site("here")))
    assert inside.pop("Site here") == ""
    assert inside == {called: parent or "Site here" for called, parent in alone.items()}


def test_a_provider_reaches_everything_that_a_stack_makes_and_looks_up() -> None:
    def program() -> None:
        provider = openstack.Provider("second")
        build(topology(), pulumi.ResourceOptions(provider=provider))

    found = deploy(program)
    made: dict[str, Any] = {called: each for called, each in found.resources.items() if each.type.startswith("openstack:")}
    assert len(made) > 20
    assert {each.provider for each in made.values()} == {"second"}
    assert {cast("Any", call).provider for call in found.calls} == {"second"}


def test_the_state_of_a_stack_names_what_it_made() -> None:
    def program() -> None:
        for name, value in build(topology()).items():
            pulumi.export(name, value)

    exports = deploy(program).exports
    assert exports["servers"].keys() == topology()["servers"].keys()
    assert exports["virtual_ips"]["web"].keys() == {"ip_address", "floating_ip"}


def test_the_cloud_config_of_an_encrypted_stack_stays_secret() -> None:
    def program(*, secret: bool) -> None:
        config = topology()
        config["servers"]["edge"]["cloud_config"] = "#cloud-config\npackages: [tcpdump]\n"
        build(config, secret_cloud_config=secret)

    open_, secret = (deploy(lambda: program(secret=secret))["Instance edge-server"].inputs for secret in (False, True))
    assert secret["userData"] == Secret(open_["userData"])


def test_a_protected_virtual_address_of_a_stack_is_protected() -> None:
    def program() -> None:
        config = topology()
        config["virtual_ips"]["web"]["protect"] = True
        build(config)

    assert deploy(program)["Port web-address"].options["protect"] is True
