from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from openstack.exceptions import NotFoundException

from tests.lab.topology import named, topology

if TYPE_CHECKING:
    from openstack.connection import Connection

    from tests.lab.command import LabCommand

pytestmark = pytest.mark.lab

USER_DATA = b"#cloud-config\n# \xc3\xa9 and a last line without an end\nruncmd: [[true]]"


def until(condition: Any, seconds: float = 60) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    return found


def test_the_config_drive_has_the_files_that_nova_builds(lab: LabCommand, member: Connection) -> None:
    with topology(member, "drive") as built:
        routed, isolated = built.port(), built.port(isolated=True)
        server = built.server(
            [routed, isolated],
            config_drive=True,
            user_data=base64.b64encode(USER_DATA).decode(),
            metadata={"multiport:x": "1"},
        )
        drive = lab.directory / "config-drives" / server.id
        latest = drive / "openstack" / "latest"
        assert latest.joinpath("user_data").read_bytes() == USER_DATA
        meta = json.loads(latest.joinpath("meta_data.json").read_text())
        assert meta["uuid"] == server.id
        assert meta["meta"] == {"multiport:x": "1"}
        assert meta["availability_zone"] == "az1"
        assert meta["public_keys"] == {"multiport": member.compute.get_keypair("multiport").public_key}
        network = json.loads(latest.joinpath("network_data.json").read_text())
        assert [(link["ethernet_mac_address"], link["mtu"], link["type"]) for link in network["links"]] == [
            (routed.mac_address, 1442, "ovs"),
            (isolated.mac_address, 1442, "ovs"),
        ]
        # For a port with DHCP there is no address, for one without DHCP the address but no route, as on a cloud with OVN.
        first, second = network["networks"]
        assert (first["type"], first.get("ip_address")) == ("ipv4_dhcp", None)
        assert (second["type"], second["ip_address"], second["routes"]) == ("ipv4", isolated.fixed_ips[0]["ip_address"], [])
        ec2 = json.loads(drive.joinpath("ec2", "latest", "meta-data.json").read_text())
        assert ec2["local-ipv4"] == routed.fixed_ips[0]["ip_address"]
        assert "no guest" in member.compute.get_server_console_output(server)["output"]

        member.compute.set_server_metadata(server, late="2")
        member.compute.reboot_server(server, "HARD")
        until(lambda: member.compute.get_server(server.id).status == "ACTIVE")
        kept = json.loads(latest.joinpath("meta_data.json").read_text())
        assert kept["meta"] == {"multiport:x": "1"}, "the drive must have the metadata of the server's creation"
        member.compute.rebuild_server(server, image=named(member, "image", "Ubuntu-24.04"))
        until(lambda: member.compute.get_server(server.id).status == "ACTIVE")
        assert json.loads(latest.joinpath("meta_data.json").read_text())["meta"] == {"multiport:x": "1", "late": "2"}
    assert not drive.exists()


def test_no_config_drive_is_built_for_a_server_without_one(lab: LabCommand, member: Connection) -> None:
    with topology(member, "no-drive") as built:
        server = built.server([built.port()])
        assert not (lab.directory / "config-drives" / server.id).exists()


def test_floating_ip_follows_its_association(member: Connection) -> None:
    with topology(member, "floating") as built:
        port = built.port()
        built.server([port])
        assert member.network.get_port(port.id).status == "ACTIVE"
        floating_ip = built.floating_ip(port_id=port.id)
        assert member.network.get_ip(floating_ip.id).status == "ACTIVE"
        member.network.update_ip(floating_ip, port_id=None)
        assert member.network.get_ip(floating_ip.id).status == "DOWN"
        member.network.update_ip(floating_ip, port_id=port.id)
        assert member.network.get_ip(floating_ip.id).status == "ACTIVE"


def test_a_port_can_be_deleted_before_its_floating_ip(member: Connection) -> None:
    with topology(member, "port-first") as built:
        port = built.port()
        floating_ip = built.floating_ip(port_id=port.id)
        member.network.delete_port(built.ports.pop())
        released = member.network.get_ip(floating_ip.id)
        assert (released.port_id, released.status) == (None, "DOWN")


def test_a_port_is_attached_to_and_detached_from_a_running_server(member: Connection) -> None:
    with topology(member, "hot") as built:
        boot, hot = built.port(), built.port()
        server = built.server([boot])
        for _ in range(2):
            attached = member.compute.create_server_interface(server, port_id=hot.id)
            assert attached.mac_addr == hot.mac_address
            assert member.network.get_port(hot.id).status == "ACTIVE"
            response = member.compute.delete(f"/servers/{server.id}/os-interface/{hot.id}")
            assert response.status_code == 202

            def gone() -> bool:
                try:
                    member.compute.get_server_interface(hot.id, server=server)
                except NotFoundException:
                    return True
                return False

            until(gone)
            kept = member.network.get_port(hot.id)
            assert (kept.device_id, kept.mac_address, kept.fixed_ips) == ("", hot.mac_address, hot.fixed_ips)


def test_a_new_server_can_use_the_ports_of_a_deleted_one(member: Connection) -> None:
    with topology(member, "replaced") as built:
        port = built.port()
        old = built.server([port])
        member.compute.delete_server(old)
        member.compute.wait_for_delete(old, wait=120, interval=1)
        built.servers.clear()
        new = built.server([port])
        kept = member.network.get_port(port.id)
        assert (kept.device_id, kept.status) == (new.id, "ACTIVE")
        assert (kept.mac_address, kept.fixed_ips) == (port.mac_address, port.fixed_ips)


def test_server_stops_starts_and_resizes(lab: LabCommand, member: Connection) -> None:
    with topology(member, "resized") as built:
        server = built.server([built.port()], config_drive=True)
        member.compute.stop_server(server)
        until(lambda: member.compute.get_server(server.id).status == "SHUTOFF")
        member.compute.start_server(server)
        until(lambda: member.compute.get_server(server.id).status == "ACTIVE")
        member.compute.resize_server(server, named(member, "flavor", "gp.0.2.4"))
        until(lambda: member.compute.get_server(server.id).status == "VERIFY_RESIZE")
        member.compute.confirm_server_resize(server)
        until(lambda: member.compute.get_server(server.id).status == "ACTIVE")
        assert (lab.directory / "config-drives" / server.id / "openstack" / "latest" / "meta_data.json").exists()


@pytest.mark.parametrize("kind", ["network", "subnet", "port", "router", "floating IP", "security group"])
def test_neutron_keeps_tags(member: Connection, kind: str) -> None:
    with topology(member, "tags") as built:
        made: dict[str, Any] = {
            "network": lambda: built.network,
            "subnet": lambda: built.subnet,
            "port": built.port,
            "router": lambda: built.router,
            "floating IP": built.floating_ip,
            "security group": lambda: built.group,
        }
        target: Any = made[kind]()
        tags = ["multiport", "multiport:stack=a:b", "multiport:key=x"]
        member.network.set_tags(target, tags)
        assert sorted(target.fetch(member.network).tags) == sorted(tags)
