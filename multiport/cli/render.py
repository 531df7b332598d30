"""Show the user data and the routing plan of a stack's servers, without a cloud.

A port's MAC address is part of both. Neutron chooses it when it creates the port, unless the stack file pins it with
`mac_address`. Where it is not known, "(MAC address chosen by Neutron)" stands in its place, and the rest is what the
server will get, to the byte. With --mac you can give an address that you know.

Example:
  multiport render --stack dev                                    every server
  multiport render --stack dev --server web --plan                one server's routing plan
  multiport render --stack dev --mac web.a=fa:16:3e:00:00:01      with a known address
  multiport render --stack dev --out rendered                     a folder for each server
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from multiport import project
from multiport.cli.options import add_project, add_topology


def add_options(parser: argparse.ArgumentParser) -> None:
    """Say what the verb takes."""
    add_project(parser)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the stack file")
    which.add_argument("--stack", help="the stack whose file to read")
    parser.add_argument("--server", action="append", default=[], help="only this server; may be repeated")
    parser.add_argument(
        "--mac", action="append", default=[], type=_mac, metavar="SERVER.PORT=MAC", help="a port's MAC address, if you know it"
    )
    add_topology(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true", help="write the routing plans only")
    what.add_argument("--json", action="store_true", help="write JSON instead of text")
    what.add_argument(
        "--out", type=Path, metavar="FOLDER", help="write the files FOLDER/<server>/user_data and FOLDER/<server>/plan"
    )


def run(options: argparse.Namespace) -> int:
    """Render; returns the exit status."""
    from multiport import stack_file  # noqa: PLC0415 - imports the Pulumi SDK, which is slow
    from multiport.components.config_error import ConfigError  # noqa: PLC0415

    of = project.find(options.file.parent if options.file and options.project == Path() else options.project)
    file = options.file or of.known_stack_file(options.stack)
    try:
        stack = stack_file.read(of, file, options.key, frozenset(options.own_key))
        servers = stack.topology().get("servers", {})
    except stack_file.StackFileError as error:
        print(f"multiport render: {error}", file=sys.stderr)
        return 2
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    wanted = options.server or sorted(servers)
    macs = _macs(options.mac)
    given = [(server, port) for server, ports in macs.items() for port in ports]
    unknown = [f"server {name}" for name in wanted if name not in servers]
    unknown += [f"port {server}.{port}" for server, port in given if port not in _ports(servers, server)]
    if unknown:
        print(f"multiport render: {file} has no {' and no '.join(unknown)}", file=sys.stderr)
        return 2
    return _write(options, {name: servers[name] for name in wanted}, macs, stack.encrypted)


def _write(
    options: argparse.Namespace, servers: dict[str, Any], macs: dict[str, dict[str, str]], encrypted: tuple[str, ...]
) -> int:
    from multiport.components.config_error import key_path  # noqa: PLC0415
    from multiport.rendering import Rendering  # noqa: PLC0415

    told = {}
    for name, server in servers.items():
        one = Rendering(server, macs.get(name, {}))
        hidden = key_path("servers", name, "cloud_config") in encrypted
        if hidden:
            print(f"multiport render: {name}: its cloud_config is encrypted, and left out", file=sys.stderr)
        told[name] = {"user_data": one.user_data, "plan": one.plan, "complete": one.complete and not hidden}
        if options.out is not None:
            folder = options.out / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "user_data").write_text(one.user_data)
            (folder / "plan").write_text(one.plan or "")
        elif options.plan:
            print(f"# {name}\n{one.plan or '# no policy routing'}")
        elif not options.json:
            print(f"# {name}: routing plan\n{one.plan or '# no policy routing'}\n# {name}: user data\n{one.user_data}")
    if options.json:
        print(json.dumps(told, indent=2))
    return 0


def _mac(text: str) -> tuple[str, str, str]:
    from multiport.guest.errors import GuestError  # noqa: PLC0415
    from multiport.guest.plan import unicast_mac  # noqa: PLC0415

    port, _, mac = text.partition("=")
    server, _, key = port.partition(".")
    if not (server and key and mac):
        raise argparse.ArgumentTypeError(f"{text!r} is not SERVER.PORT=MAC, for example web.a=fa:16:3e:00:00:01")
    try:
        return server, key, unicast_mac(port, mac)
    except GuestError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _macs(given: list[tuple[str, str, str]]) -> dict[str, dict[str, str]]:
    macs: dict[str, dict[str, str]] = {}
    for server, port, mac in given:
        macs.setdefault(server, {})[port] = mac
    return macs


def _ports(servers: Any, server: str) -> Any:
    return servers[server]["ports"] if server in servers else {}
