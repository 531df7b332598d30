"""The Pulumi schema of the components, by which programs in other languages use them."""

import inspect
from typing import Any

import pulumi
from pulumi.provider.experimental.analyzer import Analyzer
from pulumi.provider.experimental.schema import generate_schema
from typing_extensions import is_typeddict

from multiport.components.address_pairs import AddressPairs
from multiport.components.floating_ips import FloatingIps
from multiport.components.multi_port_instance import MultiPortInstance
from multiport.components.private_network import PrivateNetwork
from multiport.components.security_group import SecurityGroup
from multiport.reference.definitions import keys_of

PACKAGE = "multiport"
COMPONENTS: tuple[type[pulumi.ComponentResource], ...] = (
    PrivateNetwork,
    SecurityGroup,
    MultiPortInstance,
    AddressPairs,
    FloatingIps,
)


class DescribingAnalyzer(Analyzer):
    """Pulumi's analyzer, which follows a TypedDict to the keys that it inherits, but not to their descriptions."""

    def get_docstring(self, typ: type, name: str) -> str | None:
        """The description of a key, wherever it is declared."""
        if is_typeddict(typ):
            return next(key.description for key in keys_of(typ) if key.name == name)
        return super().get_docstring(typ, name)


def pulumi_schema(version: str) -> dict[str, Any]:
    """The schema of the components as a package of the given version."""
    found = DescribingAnalyzer(PACKAGE).analyze([*COMPONENTS])
    schema: dict[str, Any] = generate_schema(
        PACKAGE, version, None, found["component_definitions"], found["type_definitions"], list(found["dependencies"])
    ).to_json()
    for described in (*schema["resources"].values(), *schema["types"].values()):
        if "description" in described:  # the SDK hands docstrings on as Python keeps them; since 3.13 that is without indentation
            described["description"] = inspect.cleandoc(described["description"])
    return schema
