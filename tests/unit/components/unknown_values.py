"""Arguments of components as programs give them: with outputs, whose values are not known yet."""

from typing import Any

import pulumi


def output(value: Any = None) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(value)


def reference(**more: Any) -> Any:
    subnet = {"id": output("s1"), "cidr": "192.168.0.0/24", "gateway_ip": output()}
    return {"id": output("n1"), "mtu": output(1442), "ready": output("n1"), "subnets": {"a": subnet}, **more}


def instance(port: dict[str, Any], **server: Any) -> Any:
    unknown = {"flavor": output(), "image": output(), "key_pair": output(), "server_group_id": output(), "cloud_config": output()}
    return {**unknown, "ports": {"a": port}, **server}
