"""Command line of the local cloud: `python3 -m lab up`."""

from __future__ import annotations

import argparse
import errno
import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from lab import configuration, lifecycle, settings
from lab.lifecycle import Lab
from lab.packets import guest_images, namespaces
from lab.packets.plane import Packets
from lab.plane import Plane
from lab.settings import API, PACKETS, SERVICES, LabError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.settings import Settings

MODES = (
    "api: only the APIs and their databases, without root; packets: QEMU guests and OVN in namespaces, as root"
    " (environment variable LAB_MODE; default %(default)s)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command of the command line.

    Returns:
        The exit status: 0 for success, 1 for a failure (or leftovers that were found), 2 for wrong usage, 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    if not sys.platform.startswith("linux"):
        print("lab: the local cloud needs Linux (it finds its processes through /proc)", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        options.dir = options.dir or settings.default_directory(options.mode)
        images = getattr(options, "image", None) or tuple(guest_images.STACKS)
        options.plane = Packets(options.dir, _say, images) if options.mode == PACKETS else Plane()
        lab = Lab(options.dir, options.venv, options.port_base, _say, options.plane)
        return int(options.verb(lab, options))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
            raise
        print(f"lab: {error}: free some space, or make the folder writable, then run the command again", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m lab",
        description="A real OpenStack on the loopback interface: without root and packets, or with guests and a data plane.",
    )
    parser.add_argument("--mode", choices=(API, PACKETS), default=os.environ.get("LAB_MODE") or API, help=MODES)
    parser.add_argument(
        "--dir",
        type=_path,
        help="directory of its data (environment variable LAB_DIR; default .lab in the checkout, or .lab/packets)",
    )
    parser.add_argument(
        "--venv",
        type=_path,
        default=settings.default_venv(),
        help="virtual environment of its services (environment variable LAB_VENV; default %(default)s)",
    )
    parser.add_argument(
        "--port-base",
        type=_port,
        default=settings.default_port_base(),
        help="the first of five consecutive TCP ports (environment variable LAB_PORT_BASE; default: the first five that are free"
        f" from {settings.FIRST_PORT_BASE} on)",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(name: str, verb: object, text: str) -> argparse.ArgumentParser:
        command = verbs.add_parser(name, help=text, description=text)
        command.set_defaults(verb=verb)
        return command

    up = add("up", _up, "start it, after installing it if that is needed; do nothing if it already runs")
    images = tuple(guest_images.STACKS)
    up.add_argument("--image", action="append", choices=images, help="with packets: provide only this guest image; repeatable")
    add("down", _down, "stop it; its data are kept")
    add("status", _status, "show which services run").add_argument("--json", action="store_true", help="print JSON")
    add("reset", _reset, "stop it and delete its data; the installed services are kept")
    logs = add("logs", _logs, "show the last lines of the logs")
    logs.add_argument("service", nargs="?", help="show the log of this service only, and more lines of it")
    enter = add("enter", _enter, "run a command in a namespace of the lab with packets")
    enter.add_argument("namespace", choices=namespaces.NAMESPACES, help="the compute host, or the outside network")
    enter.add_argument("command", nargs="+", help="for example: ping -c 4 203.0.113.20; put -- before it if it has options")
    add("env", _env, "print the environment variables that point OpenStack clients at it, for `eval`")
    add(
        "leftovers", _leftovers, "list the objects of the user `demo` that the lab did not create; exit status 1 if there are any"
    )
    return parser


def _path(text: str) -> Path:
    return Path(text).absolute()


def _port(text: str) -> int:
    number = int(text)
    if not 1024 <= number <= 65535 - len(SERVICES):  # noqa: PLR2004 - the ports below are privileged
        raise argparse.ArgumentTypeError(f"the {len(SERVICES)} ports from {text} on must lie between 1024 and 65535")
    return number


def _say(line: str) -> None:
    print(line, flush=True)


def _interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt


def _up(lab: Lab, options: argparse.Namespace) -> int:
    if isinstance(options.plane, Packets):
        options.plane.require_machine()
    current = lab.up()
    _say(
        f"local cloud up: {current.auth_url}; clouds `local` (user demo) and `local-admin` (user admin) in {current.clouds_yaml}"
    )
    return 0


def _down(lab: Lab, _options: argparse.Namespace) -> int:
    _say("the local cloud is stopped" if lab.down() else "the local cloud was not running")
    return 0


def _reset(lab: Lab, options: argparse.Namespace) -> int:
    lab.reset()
    _say(f"the data of the local cloud in {options.dir} are deleted")
    return 0


def _status(lab: Lab, options: argparse.Namespace) -> int:
    states = lab.states()
    running = bool(states) and all(state.state == "up" for state in states)
    if options.json:
        known = settings.load(options.dir)
        document = {
            "running": running,
            "dir": str(options.dir),
            "clouds_yaml": str(known.clouds_yaml) if known else None,
            "config_drives": str(known.config_drives) if known else None,
            "auth_url": known.auth_url if known else None,
            "lacks": options.plane.lacks,
            "services": [asdict(state) for state in states],
        }
        print(json.dumps(document, indent=2))
        return 0
    if not states:
        print(f"there is no local cloud in {options.dir}; `python3 -m lab up` creates one")
        return 0
    print(f"{'SERVICE':14} {'STATE':9} {'PID':>8} {'MEMORY':>8}  {'API':24} LOG")
    for state in states:
        print(f"{state.service:14} {state.state:9} {state.pid or '-':>8} {state.memory_mib:>4} MiB  {state.url:24} {state.log}")
    print(f"{'':33}{sum(state.memory_mib for state in states):>4} MiB\n\nNot provided: {options.plane.lacks}.")
    return 0


def _logs(lab: Lab, options: argparse.Namespace) -> int:
    _existing(options.dir)
    states = [state for state in lab.states() if options.service in (None, state.service)]
    if not states:
        names = ", ".join(state.service for state in lab.states())
        raise LabError(f"there is no service {options.service}; the services are {names}")
    for state in states:
        print(f"==> {state.log} <==\n{lifecycle.tail(Path(state.log), 200 if options.service else 15)}\n")
    return 0


def _enter(_lab: Lab, options: argparse.Namespace) -> int:
    words = namespaces.inside(_existing(options.dir), options.namespace)
    return subprocess.run([*words, *options.command], check=False).returncode


def _env(_lab: Lab, options: argparse.Namespace) -> int:
    print(f"export OS_CLIENT_CONFIG_FILE={shlex.quote(str(_existing(options.dir).clouds_yaml))}\nexport OS_CLOUD=local")
    return 0


def _leftovers(lab: Lab, options: argparse.Namespace) -> int:
    current = _existing(options.dir)
    if any(state.state == "down" for state in lab.states()):
        raise LabError("the local cloud is not running; `python3 -m lab up` starts it")
    return subprocess.run(
        [str(current.python), "-m", "lab.services.leftovers"],
        cwd=current.directory,
        env=configuration.environment(current),
        check=False,
    ).returncode


def _existing(directory: Path) -> Settings:
    current = settings.load(directory)
    if current is None:
        raise LabError(f"there is no local cloud in {directory}; `python3 -m lab up` creates one")
    return current


if __name__ == "__main__":
    sys.exit(main())
