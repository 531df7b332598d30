"""The pages of the reference: a table of the keys of a stack file and of each component, with its outputs."""

from collections.abc import Iterable
from typing import Any, get_args, get_origin

import pulumi
from typing_extensions import is_typeddict

from multiport.components.arguments import AddressPairsArgs, FloatingIpsArgs, MultiPortInstanceArgs
from multiport.components.instance.outputs import PortState
from multiport.components.stack import ServerState, StackState, VirtualIpState
from multiport.components.topology import PrivateNetworkArgs, SecurityGroupArgs, Topology
from multiport.reference.definitions import Key, keys_of, outputs_of, records_in
from multiport.reference.pulumi_schema import COMPONENTS

ARGUMENTS: dict[str, type] = {
    "PrivateNetwork": PrivateNetworkArgs,
    "SecurityGroup": SecurityGroupArgs,
    "MultiPortInstance": MultiPortInstanceArgs,
    "AddressPairs": AddressPairsArgs,
    "FloatingIps": FloatingIpsArgs,
}
"""The arguments of each component."""

GENERATED = "<!-- Made from the definitions in components/ by `python -m tools.reference --write`; do not edit. -->"
COSTS = """What a change costs: *in place* means that servers live on. *Replaces the server* means that Nova deletes it and
creates another with the same ports, MAC addresses, fixed and floating IPs; its disk is lost. *Refused* changes need two
updates, and the preview names them. Under `guest_update: keep` changed user data waits for the next replacement:
[what a change does to a living server](../changes.md)."""


def stack_page() -> str:
    """The page of the stack file."""
    records = [*dict.fromkeys(records_in(Topology))]
    return _page(
        "Keys of a stack file",
        [
            "In `stacks/Pulumi.<stack>.yaml` each key of the whole stack stands below `config` with the prefix `multiport:`, for",
            "example `multiport:servers`. [stack.schema.json](stack.schema.json) is the same for editors.",
            "",
            COSTS,
        ],
        [*map(_inputs, records), _outputs("Outputs", StackState), *(_outputs(None, state) for state in _states())],
    )


def component_page(component: type[pulumi.ComponentResource]) -> str:
    """The page of one component."""
    records = [*dict.fromkeys(records_in(ARGUMENTS[component.__name__]))]
    outputs = _table("Outputs", None, ["Output", "Type", "Meaning"], [_output(key) for key in outputs_of(component)])
    states = [_outputs(None, record) for key in outputs_of(component) for record in records_in(key.hint)]
    return _page(component.__name__, [*_doc(component), "", COSTS], [*map(_inputs, records), outputs, *states])


def pages() -> dict[str, str]:
    """Every page by its file name."""
    found = {"stack.md": stack_page()}
    found |= {f"{component.__name__}.md": component_page(component) for component in COMPONENTS}
    contents = [f"- [{text.splitlines()[2].removeprefix('# ')}]({name})" for name, text in found.items()]
    about = ["Made from the definitions: every key with its type, its default, what it means and what a change of it costs."]
    return {"README.md": _page("Reference", about, ["\n".join(contents)]), **found}


def _states() -> Iterable[type]:
    return (ServerState, PortState, VirtualIpState)


def _page(title: str, about: Iterable[str], parts: Iterable[str]) -> str:
    return "\n\n".join([GENERATED, f"# {title}", "\n".join(about).strip(), *parts]) + "\n"


def _inputs(record: type) -> str:
    headings = ["Key", "Type", "Default", "Meaning", "A change of it"]
    return _table(record.__name__, record, headings, [_input(key) for key in keys_of(record)])


def _outputs(title: str | None, record: type) -> str:
    return _table(title or record.__name__, record, ["Output", "Type", "Meaning"], [_output(key) for key in keys_of(record)])


def _table(title: str, record: type | None, headings: list[str], rows: Iterable[list[str]]) -> str:
    lines = [f"## {title}", "", *([] if record is None else [*_doc(record), ""])]
    lines += [_row(headings), _row(["---"] * len(headings)), *map(_row, rows)]
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _input(key: Key) -> list[str]:
    default = "**required**" if key.required else _escaped(key.default or "")
    return [f"`{key.name}`", _type(key.hint), default, _escaped(key.meaning), _escaped(key.change or "")]


def _output(key: Key) -> list[str]:
    return [f"`{key.name}`", _type(key.hint), _escaped(key.description)]


def _type(hint: Any) -> str:
    if is_typeddict(hint):
        return f"[{hint.__name__}](#{hint.__name__.lower()})"
    if get_origin(hint) is list:
        return f"list of {_type(get_args(hint)[0])}"
    if get_origin(hint) is dict:
        return f"mapping to {_type(get_args(hint)[1])}"
    names: dict[object, str] = {str: "text", int: "whole number", bool: "true or false"}
    return names.get(hint, "text or nothing")


def _doc(record: type) -> list[str]:
    paragraphs = (record.__doc__ or "").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs).split("\n")


def _escaped(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;")
