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

MODES = "api: records only, without root; packets: QEMU guests and OVN in namespaces, as root (LAB_MODE; %(default)s)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb.

    Returns:
        0 when it worked, 1 when it did not (`leftovers`: when there are any), 2 for wrong usage, 130 after Ctrl-C.
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
        description="A real OpenStack on loopback: without root and without packets, or with guests and a data plane.",
    )
    parser.add_argument("--mode", choices=(API, PACKETS), default=os.environ.get("LAB_MODE") or API, help=MODES)
    parser.add_argument("--dir", type=_path, help="its directory (LAB_DIR; .lab in the checkout, or .lab/packets)")
    parser.add_argument("--venv", type=_path, default=settings.default_venv(), help="its services (LAB_VENV; %(default)s)")
    parser.add_argument(
        "--port-base",
        type=_port,
        default=settings.default_port_base(),
        help="the first of five consecutive TCP ports (LAB_PORT_BASE; the first free five from 15000 on)",
    )
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(name: str, verb: object, text: str) -> argparse.ArgumentParser:
        command = verbs.add_parser(name, help=text, description=text)
        command.set_defaults(verb=verb)
        return command

    up = add("up", _up, "start it, and install it first where needed; does nothing when it runs")
    images = tuple(guest_images.STACKS)
    up.add_argument("--image", action="append", choices=images, help="with packets: have this guest image only; repeatable")
    add("down", _down, "stop it; its data stay")
    add("status", _status, "say what runs").add_argument("--json", action="store_true", help="as JSON")
    add("reset", _reset, "stop it and drop its data; the installed services stay")
    logs = add("logs", _logs, "show the ends of the logs")
    logs.add_argument("service", nargs="?", help="of this service only, and more of it")
    enter = add("enter", _enter, "run a command in a namespace of the lab with packets")
    enter.add_argument("namespace", choices=namespaces.NAMESPACES, help="the compute host, or the world outside")
    enter.add_argument("command", nargs="+", help="for example: ping -c 4 203.0.113.20; after -- where it has options")
    add("env", _env, "print the variables that point OpenStack clients at it, for `eval`")
    add("leftovers", _leftovers, "list what the member `demo` owns beyond the seed; 1 when there is anything")
    return parser


def _path(text: str) -> Path:
    return Path(text).absolute()


def _port(text: str) -> int:
    number = int(text)
    if not 1024 <= number <= 65535 - len(SERVICES):  # noqa: PLR2004 - below are privileged ports
        raise argparse.ArgumentTypeError(f"{text} leaves no room for {len(SERVICES)} unprivileged ports")
    return number


def _say(line: str) -> None:
    print(line, flush=True)


def _interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt


def _up(lab: Lab, options: argparse.Namespace) -> int:
    if isinstance(options.plane, Packets):
        options.plane.refuse()
    current = lab.up()
    _say(f"local cloud up: {current.auth_url}; clouds `local` (member demo) and `local-admin` in {current.clouds_yaml}")
    return 0


def _down(lab: Lab, _options: argparse.Namespace) -> int:
    _say("local cloud down" if lab.down() else "local cloud was not running")
    return 0


def _reset(lab: Lab, options: argparse.Namespace) -> int:
    lab.reset()
    _say(f"local cloud reset: {options.dir}")
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
        print(f"no local cloud in {options.dir}; `python3 -m lab up` makes one")
        return 0
    print(f"{'SERVICE':14} {'STATE':9} {'PID':>8} {'MEMORY':>8}  {'API':24} LOG")
    for state in states:
        print(f"{state.service:14} {state.state:9} {state.pid or '-':>8} {state.memory_mib:>4} MiB  {state.url:24} {state.log}")
    print(f"{'':33}{sum(state.memory_mib for state in states):>4} MiB\n\nIt lacks: {options.plane.lacks}.")
    return 0


def _logs(lab: Lab, options: argparse.Namespace) -> int:
    _existing(options.dir)
    states = [state for state in lab.states() if options.service in (None, state.service)]
    if not states:
        raise LabError(f"no service is called {options.service}; there are {', '.join(state.service for state in lab.states())}")
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
        raise LabError("the local cloud does not run; `python3 -m lab up` starts it")
    return subprocess.run(
        [str(current.python), "-m", "lab.services.leftovers"],
        cwd=current.directory,
        env=configuration.environment(current),
        check=False,
    ).returncode


def _existing(directory: Path) -> Settings:
    current = settings.load(directory)
    if current is None:
        raise LabError(f"no local cloud in {directory}; `python3 -m lab up` makes one")
    return current


if __name__ == "__main__":
    sys.exit(main())
