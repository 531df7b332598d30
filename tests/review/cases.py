"""The changes whose previews are recorded: the deployed stack, and the stack that is previewed."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Config = dict[str, Any]

BASE: Config = {
    "security_groups": {"reachable": {"rules": [{"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22}]}},
    "networks": {
        "front": {"subnets": {"v4": {"cidr": "192.168.10.0/24"}}, "router": {"external_network": "PUBLICNET"}},
        "back": {"subnets": {"v4": {"cidr": "192.168.20.0/24", "no_gateway": True}}},
    },
    "servers": {
        "web": {
            "image": "Ubuntu-24.04",
            "flavor": "gp.0.2.4",
            "key_pair": "multiport",
            "security_groups": ["reachable"],
            "guest_update": "replace",
            "ports": {
                "b": {
                    "network": "front",
                    "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.10.12", "floating_ip": {}}},
                },
                "d": {
                    "network": "front",
                    "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.10.14"}},
                    "floating_ip": {},
                },
                "x": {
                    "network": "back",
                    "hot": True,
                    "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.20.12"}},
                },
            },
        }
    },
}


def base_stack(**server: Any) -> Config:
    """Return the base stack with other values for its server."""
    config = copy.deepcopy(BASE)
    config["servers"]["web"] |= server
    return config


def changed(change: Callable[[Config], object], base: Config | None = None) -> Config:
    """A copy of a configuration with a change made to it."""
    config = copy.deepcopy(BASE if base is None else base)
    change(config)
    return config


@dataclass(frozen=True)
class Case:
    """One recorded preview.

    Attributes:
        before: What is deployed; None for an empty stack.
        after: What is previewed.
        says: What a reviewer must see.
        script: A line that the guest's script gains with the change.
        secrets: Paths below the project's configuration that are set as secrets with the change, and their values.
        policies: Whether the policy pack is asked.
    """

    before: Config | None
    after: Config
    says: str
    script: str | None = None
    secrets: tuple[tuple[str, str], ...] = ()
    policies: bool = True


def _ports(config: Config, server: str = "web") -> Config:
    ports: Config = config["servers"][server]["ports"]
    return ports


def _port(network: str, address: str | None = None, **more: Any) -> Config:
    fixed = {} if address is None else {"fixed_ips": {"main": {"subnet": "v4", "ip_address": address}}}
    return {"network": network, **fixed, **more}


def _renamed(config: Config, *, declared: bool) -> None:
    ports = _ports(config)
    ports["e"] = ports.pop("d") | ({"formerly": ["d"]} if declared else {})
    if not declared:
        ports["e"].pop("fixed_ips")


def _floating_ip_moved(config: Config) -> None:
    ports = _ports(config)
    ports["b"]["fixed_ips"]["main"].pop("floating_ip")
    ports["d"]["fixed_ips"]["main"]["floating_ip"] = {"key": "public"}


def _two(config: Config) -> None:
    config["servers"]["app"] = copy.deepcopy(config["servers"]["web"])
    _ports(config, "app")["b"]["fixed_ips"]["main"]["ip_address"] = "192.168.10.22"
    _ports(config, "app")["d"]["fixed_ips"]["main"]["ip_address"] = "192.168.10.24"
    _ports(config, "app")["x"]["fixed_ips"]["main"]["ip_address"] = "192.168.20.22"


FLOATING: Config = changed(
    lambda config: config["servers"]["web"].update(
        ports={
            "b": {
                "network": "front",
                "fixed_ips": {"main": {"subnet": "v4", "ip_address": "192.168.10.12", "floating_ip": {"key": "public"}}},
            },
            "d": _port("front", "192.168.10.14"),
        }
    )
)
TWO: Config = changed(_two)
KEPT: Config = base_stack(guest_update="keep")

MANY: Config = {
    "networks": {
        "front": {"subnets": {"v4": {"cidr": "10.0.0.0/16"}}, "router": {"external_network": "PUBLICNET"}},
        "back": {"subnets": {"v4": {"cidr": "10.1.0.0/16", "no_gateway": True}}},
    },
    "servers": {
        f"node{number:02}": {
            "image": "Debian-12",
            "flavor": "gp.0.1.2",
            "ports": {
                f"{network}{place}": _port(
                    network, f"10.{network == 'back':d}.{number}.{10 + place}", slot=place + 1 + 10 * (network == "back")
                )
                for network in ("front", "back")
                for place in range(4)
            },
        }
        for number in range(25)
    },
}

SHARED: Config = changed(
    lambda config: config.update(
        virtual_ips={
            "shared": {
                "network": "front",
                "subnet": "v4",
                "ip_address": "192.168.10.200",
                "members": {"web": "d", "app": "d"},
                "holder": "web",
                "floating_ip": {},
            }
        }
    ),
    TWO,
)


def _in_another_range(config: Config) -> None:
    """The network of a virtual address gets another CIDR, and with it every address on it that is pinned."""
    config["networks"]["front"]["subnets"]["v4"]["cidr"] = "192.168.11.0/24"
    config["virtual_ips"]["shared"]["ip_address"] = "192.168.11.200"
    for server in ("web", "app"):
        for port in ("b", "d"):
            fixed_ip = _ports(config, server)[port]["fixed_ips"]["main"]
            fixed_ip["ip_address"] = fixed_ip["ip_address"].replace("192.168.10.", "192.168.11.")


PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"
HOSTILE_NAME = "`|x|` <b onmouseover=alert(1)>@everyone</b> [a](http://b.example) ``` -->"


def _hostile(config: Config) -> None:
    server = config["servers"]["web"]
    server["tags"] = ["| a | b |", "--> ```diff", "<img src=x onerror=alert(1)>", "@octocat #1 $(id)"]
    server["metadata"] = {"end": '"]; click x "javascript:alert(1)" %%{init: {}}%%', "fence": "```\n</details>\n# Approved"}
    server["cloud_config"] = (
        "#cloud-config\nwrite_files:\n"
        "- path: '/tmp/`</summary>|x'\n  content: |\n    ```\n    ``````\n    </details>\n    \u202egnp.exe\n"
    )
    config["networks"]["front"]["name"] = HOSTILE_NAME
    ports = _ports(config)
    ports["b"]["name"] = HOSTILE_NAME
    ports["new"] = _port("back", "192.168.20.30", name="](x) **b** | c | <!--", hot=True)


CASES: dict[str, Case] = {
    "create": Case(None, BASE, "everything is new"),
    "create-many": Case(None, MANY, "200 ports on 25 servers, cut to fit"),
    "no-change": Case(BASE, BASE, "nothing to say"),
    "port-added": Case(
        BASE, changed(lambda config: _ports(config).update(z=_port("back", "192.168.20.40"))), "a boot port costs the server"
    ),
    "port-inserted": Case(BASE, changed(lambda config: _ports(config).update(c=_port("front"))), "wherever it stands"),
    "port-added-hot": Case(
        BASE,
        changed(lambda config: _ports(config).update(c=_port("back", "192.168.20.30", hot=True))),
        "a hot port costs nothing",
    ),
    "port-removed": Case(BASE, changed(lambda config: _ports(config).pop("d")), "its floating IP is released"),
    "port-removed-hot": Case(BASE, changed(lambda config: _ports(config).pop("x")), "the server stays"),
    "port-removed-with-replacement": Case(
        BASE,
        changed(lambda config: _ports(config).pop("x"), base_stack(cloud_config="#cloud-config\npackages: [htop]\n")),
        "the attachment goes for good, although the engine calls it replaced",
    ),
    "port-renamed": Case(BASE, changed(lambda config: _renamed(config, declared=True)), "declared, it costs nothing"),
    "port-renamed-undeclared": Case(
        BASE, changed(lambda config: _renamed(config, declared=False)), "undeclared, the hint says how"
    ),
    "port-moved": Case(
        BASE,
        changed(lambda config: _ports(config).update(x=_port("front", "192.168.10.16", hot=True))),
        "a hot port on another network is another port",
    ),
    "address-changed": Case(
        BASE,
        changed(lambda config: _ports(config)["x"]["fixed_ips"]["main"].update(ip_address="192.168.20.13")),
        "one cell: old to new",
    ),
    "address-pair-added": Case(
        BASE,
        changed(lambda config: _ports(config)["d"].update(allowed_address_pairs={"vpn": {"ip_address": "10.8.0.0/24"}})),
        "in place",
    ),
    "script-changed-replace": Case(BASE, BASE, "the script replaces the server", script=": a new line"),
    "script-changed-keep": Case(KEPT, KEPT, "the engine sees nothing; the script is shown all the same", script=": a new line"),
    "script-delivered": Case(
        KEPT,
        changed(lambda config: config["servers"]["web"].update(guest_generation=1), KEPT),
        "with its generation",
        script=": a new line",
    ),
    "gateway-removed": Case(
        BASE,
        changed(
            lambda config: (
                config["networks"]["front"]["subnets"]["v4"].update(no_gateway=True),
                config["networks"]["front"].pop("router"),
                [port.pop("floating_ip", None) for port in _ports(config).values()],
                _ports(config)["b"]["fixed_ips"]["main"].pop("floating_ip"),
            )
        ),
        "Neutron takes it in two updates only",
    ),
    "subnet-moved": Case(
        BASE,
        changed(
            lambda config: (
                config["networks"]["back"]["subnets"]["v4"].update(cidr="192.168.21.0/24"),
                _ports(config)["x"]["fixed_ips"]["main"].update(ip_address="192.168.21.12"),
            )
        ),
        "everything on it follows",
    ),
    "floating-ip-moved": Case(FLOATING, changed(_floating_ip_moved, FLOATING), "the address stays"),
    "image-changed": Case(BASE, base_stack(image="Debian-12"), "costs the server"),
    "two-servers": Case(
        TWO,
        changed(
            lambda config: (
                config["servers"]["web"].update(image="Debian-12"),
                config["servers"]["app"].update(cloud_config="#cloud-config\npackages: [htop]\n"),
            ),
            TWO,
        ),
        "each has its own reason",
    ),
    "virtual-address-created": Case(TWO, SHARED, "a port that no server owns, and its floating IP"),
    "virtual-address-changed": Case(
        changed(lambda config: config["virtual_ips"]["shared"].pop("floating_ip"), SHARED),
        changed(
            lambda config: config["virtual_ips"]["shared"].update(ip_address="192.168.10.201", floating_ip={}),
            SHARED,
        ),
        "the port lives on with another address",
    ),
    "virtual-address-held-by-another": Case(
        SHARED,
        changed(lambda config: config["virtual_ips"]["shared"].update(holder="app"), SHARED),
        "both guests are told while they live",
    ),
    "virtual-address-in-another-range": Case(SHARED, changed(_in_another_range, SHARED), "everything on the subnet follows"),
    "virtual-address-removed": Case(
        SHARED, changed(lambda config: config.pop("virtual_ips"), SHARED), "with its port and its floating IP"
    ),
    "floating-ips-removed": Case(
        TWO,
        changed(
            lambda config: (_ports(config)["b"]["fixed_ips"]["main"].pop("floating_ip"), _ports(config)["d"].pop("floating_ip")),
            TWO,
        ),
        "the server itself stays declared",
    ),
    "lists-grow": Case(
        TWO,
        changed(
            lambda config: (
                config["servers"]["web"].update(tags=["aaa", "nnn", "zzz"]),
                config["networks"]["front"]["subnets"]["v4"].update(dns_nameservers=["9.9.9.9"]),
            ),
            TWO,
        ),
        "what was there already is no change",
    ),
    "rule-removed": Case(
        TWO,
        changed(lambda config: config["security_groups"]["reachable"]["rules"].pop(), TWO),
        "both servers lose what it let in",
    ),
    "port-moved-to-a-new-network": Case(
        TWO,
        changed(
            lambda config: (
                config["networks"].update(lan={"subnets": {"v4": {"cidr": "192.168.40.0/24", "no_gateway": True}}}),
                _ports(config).update(x=_port("lan", "192.168.40.16", hot=True)),
            ),
            TWO,
        ),
        "the plan knows which network it will be",
    ),
    "server-removed": Case(TWO, changed(lambda config: config["servers"].pop("app"), TWO), "with all that was its own"),
    "hostile-names": Case(BASE, changed(_hostile), "nothing of it is markup"),
    "secrets": Case(
        BASE,
        BASE,
        "none of them is seen",
        secrets=(
            (
                "servers.web.cloud_config",
                "#cloud-config\nwrite_files:\n- path: /etc/token\n  content: 'swordfish''s \"friend\"'\n",
            ),
            ("servers.web.metadata.token", "tok-4711-swordfish"),
            ("servers.web.ports.d.name", "swordfish-port"),
            ("servers.web.tags[0]", "swordfish tag"),
        ),
    ),
    "policy-violation": Case(
        BASE,
        changed(
            lambda config: (
                config["networks"].update(lost={"subnets": {"v4": {"cidr": "192.168.30.0/24"}}}),
                config["servers"]["web"].update(
                    return_path="none", cloud_config=f"#cloud-config\nruncmd: ['echo {PRIVATE_KEY}']\n"
                ),
            )
        ),
        "refused, with the remedy",
    ),
    "failed": Case(BASE, base_stack(image="Ubuntu-42.04", boot_volume={"size": 10}), "what the provider says"),
    "misconfigured": Case(BASE, base_stack(primary_port="y"), "what the program says"),
}
