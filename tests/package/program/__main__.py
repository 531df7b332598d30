"""The shop's servers. Its own modules have the names that the folders of multiport's repository have."""

from typing import cast

import pulumi

from components.sizes import flavor_of
from guest import greeting
from multiport import MultiPortInstance, MultiPortInstanceArgs, PortArgs, PrivateNetwork

config = pulumi.Config()
networks = {key: PrivateNetwork(key, args) for key, args in config.require_object("networks").items()}
for key, server in config.require_object("servers").items():
    ports: dict[str, PortArgs] = {
        port_key: cast("PortArgs", {**port, "network": networks[port["network"]].reference})
        for port_key, port in server["ports"].items()
    }
    described: MultiPortInstanceArgs = {
        "image": server["image"],
        "flavor": flavor_of(server["flavor"]),
        "ports": ports,
        "metadata": {"greeting": greeting(config.require("domain"))},
    }
    MultiPortInstance(key, described)
