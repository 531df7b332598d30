from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.lab.topology import topology

if TYPE_CHECKING:
    from tests.lab.command import LabCommand

pytestmark = pytest.mark.lab

STACKS = 12


def test_twelve_stacks_at_once(lab: LabCommand) -> None:
    """The load is that of the worst case of `pulumi up --parallel`. Any error of the API raises an exception."""
    barrier = threading.Barrier(STACKS)
    log = lab.directory / "log"
    before = {path.name: path.stat().st_size for path in log.iterdir()}

    def stack(number: int) -> int:
        cloud = lab.connect("local")
        barrier.wait()
        with topology(cloud, f"load-{number}") as built:
            for port in range(3):
                cloud.network.create_security_group_rule(
                    security_group_id=built.group.id,
                    direction="ingress",
                    protocol="tcp",
                    port_range_min=1000 + port,
                    port_range_max=1000 + port,
                )
            ports = [built.port(security_groups=[built.group.id]) for _ in range(2)] + [built.port(isolated=True)]
            for port in ports:
                cloud.network.set_tags(port, ["multiport", f"multiport:stack={number}"])
            server = built.server(ports[:2], config_drive=True)
            for port in ports[:2]:
                built.floating_ip(port_id=port.id)
            cloud.compute.create_server_interface(server, port_id=ports[2].id)
            return sum(cloud.network.get_port(port.id).status == "ACTIVE" for port in ports)

    with ThreadPoolExecutor(STACKS) as pool:
        assert list(pool.map(stack, range(STACKS))) == [3] * STACKS
    assert lab("leftovers").stdout == ""
    for path in log.iterdir():
        with path.open("rb") as file:
            file.seek(before.get(path.name, 0))
            written = file.read().decode(errors="replace")
        assert not re.search(r'"(?:GET|POST|PUT|DELETE) \S+" status: 5\d\d', written), path
        assert "Traceback" not in written, path
