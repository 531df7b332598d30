"""What Neutron and Nova answer to the program under test: addresses and MACs of their own choice, in an order of their own."""

import hashlib
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

from tests.unit.components.wire import UNKNOWN, Secret

NETWORKS_OF_OTHERS = ("PUBLICNET", "OTHERNET", "123", "storage")
"""Networks that exist already."""

SUBNETS_OF_OTHERS = {"10.60.0.0/24": "10.60.0.1", "10.61.0.0/24": ""}
"""Subnets that exist already: network address to gateway."""


class Cloud(Mocks):
    """The provider's answers. Ids are readable: the short type and the name of what they are of."""

    def __init__(self) -> None:
        self.called: list[MockCallArgs] = []
        self._networks = {name: f"network {name}" for name in NETWORKS_OF_OTHERS}
        self._cidrs = {f"subnet {cidr}": cidr for cidr in SUBNETS_OF_OTHERS}
        self._gateways = {cidr: (f"subnet {cidr}", gateway) for cidr, gateway in SUBNETS_OF_OTHERS.items()}

    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        kind = args.typ.rsplit(":", 1)[-1]
        computed: dict[str, Any] = {}
        if hasattr(self, f"_{kind.lower()}"):
            computed = getattr(self, f"_{kind.lower()}")(args)
        return f"{kind} {args.name}", {**args.inputs, **computed}

    def updated(self, args: MockResourceArgs, before: Mapping[str, Any]) -> dict[str, Any]:
        """A resource that exists keeps what was chosen for it."""
        _, state = self.new_resource(args)
        chosen = {key: before[key] for key in ("macAddress", "address") if key in before and key not in args.inputs}
        if args.inputs.get("fixedIps") == before.get("fixedIps") and "allFixedIps" in before:
            chosen["allFixedIps"] = before["allFixedIps"]
        return {**state, **chosen}

    def previewed(self, args: MockResourceArgs, before: Mapping[str, Any]) -> dict[str, Any]:
        """The provider plans with the inputs, and believes that what it computed once stays."""
        return {**before, **args.inputs, **(self._instance(args) if "userData" in args.inputs else {})}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        given = args.args
        self.called.append(args)
        match args.token.rsplit(":", 1)[-1]:
            case "getNetwork":
                if "name" in given and given["name"] not in self._networks:
                    return {}, [("name", "Your query returned no results")]  # the provider's own words
                return {"id": given.get("networkId") or self._networks[given["name"]], "mtu": 1400}, []
            case "getSubnet":
                subnet, gateway = self._gateways[given["cidr"]]
                return {"id": subnet, "gatewayIp": gateway}, []
            case "getImage":
                return {"id": f"image {given['name']}"}, []
        raise NotImplementedError(args.token)

    def _network(self, args: MockResourceArgs) -> dict[str, Any]:
        self._networks[args.inputs.get("name", args.name)] = f"Network {args.name}"
        return {"mtu": args.inputs.get("mtu", 1442)}

    def _subnet(self, args: MockResourceArgs) -> dict[str, Any]:
        self._cidrs[f"Subnet {args.name}"] = args.inputs["cidr"]
        self._gateways[args.inputs["cidr"]] = (f"Subnet {args.name}", args.inputs.get("gatewayIp", ""))
        return {}

    def _port(self, args: MockResourceArgs) -> dict[str, Any]:
        digest = hashlib.sha256(args.name.encode()).hexdigest()
        addresses = [self._address(args.name, each) for each in args.inputs.get("fixedIps", [])] or ["203.0.113.7"]
        return {
            "macAddress": args.inputs.get("macAddress", f"fa:16:3e:{digest[0:2]}:{digest[2:4]}:{digest[4:6]}"),
            # the API's order is its own
            "allFixedIps": addresses[::-1],
        }

    def _address(self, port: str, fixed_ip: Mapping[str, Any]) -> str:
        if "ipAddress" in fixed_ip:
            return str(fixed_ip["ipAddress"])
        return str(ip_network(self._cidrs[fixed_ip["subnetId"]])[_number(port)])

    def _floatingip(self, args: MockResourceArgs) -> dict[str, Any]:
        return {"address": f"203.0.113.{_number(args.name)}"}

    def _instance(self, args: MockResourceArgs) -> dict[str, Any]:
        text = args.inputs.get("userData")
        known = text.value if isinstance(text, Secret) else text
        if known is None or known is UNKNOWN:
            return {}
        # the provider keeps a SHA-1 of user data (measured)
        digest = hashlib.sha1(known.encode(), usedforsecurity=False).hexdigest()
        return {"userData": Secret(digest) if isinstance(text, Secret) else digest}


def _number(name: str) -> int:
    """The last byte of an address, of the name and not of the order."""
    return 100 + int(hashlib.sha256(name.encode()).hexdigest()[:4], 16) % 100
