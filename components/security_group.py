"""A security group, whose rules are known by their content."""

import pulumi
import pulumi_openstack as openstack

from multiport.components import checks, naming, two_steps
from multiport.components.checks.security_groups import NAMES_WITH_PORTS, ethertype_of
from multiport.components.topology import SecurityGroupArgs, SecurityGroupRuleArgs


class SecurityGroup(pulumi.ComponentResource):
    """A group and its rules. A rule is known by its content, not by a name or a place in a list.

    If it had a name, the same rule under another name would first be created a second time, and Neutron would answer every
    update with 409 SecurityGroupRuleExists (measured).
    """

    group_id: pulumi.Output[str]
    """Id of the security group."""

    def __init__(self, name: str, args: SecurityGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the group.

        Raises:
            ConfigError: a rule makes no sense; raised before any call to the cloud.
        """
        args = checks.read(f"SecurityGroup {name}", args, SecurityGroupArgs)
        checks.raise_if(checks.check_security_group(f"SecurityGroup {name}", args))
        super().__init__(
            "multiport:index:SecurityGroup",
            name,
            {"declared": args},
            two_steps.guarded(name, opts, two_steps.security_group_faults),
        )
        child = pulumi.ResourceOptions(parent=self)
        group = openstack.networking.SecGroup(
            name,
            name=args.get("name", naming.display_name(name)),
            description="",
            stateful=args.get("stateful", True),
            tags=naming.tags(name),
            opts=child,
        )
        for rule in args["rules"]:
            full = _complete(rule)
            openstack.networking.SecGroupRule(
                f"{name}-{_identity(full)}",
                security_group_id=group.id,
                direction=full["direction"],
                ethertype=full["ethertype"],
                protocol=full.get("protocol"),
                port_range_min=full.get("port_range_min"),
                port_range_max=full.get("port_range_max"),
                remote_ip_prefix=full.get("remote_ip_prefix"),
                opts=child,
            )
        self.group_id = group.id
        self.register_outputs({"groupId": self.group_id})


def _complete(rule: SecurityGroupRuleArgs) -> SecurityGroupRuleArgs:
    """The rule with its defaults filled in, so that a default written out is the same rule."""
    full: SecurityGroupRuleArgs = {**rule}
    full.setdefault("direction", "ingress")
    full.setdefault("ethertype", ethertype_of(rule))
    if "port_range_min" in full and full.get("protocol") in NAMES_WITH_PORTS:  # an ICMP type has no range to close
        full.setdefault("port_range_max", full["port_range_min"])
    return full


def _identity(full: SecurityGroupRuleArgs) -> str:
    ports = "".join(f"-{full[end]}" for end in ("port_range_min", "port_range_max") if end in full)
    prefix = f"-{full['remote_ip_prefix']}" if "remote_ip_prefix" in full else ""
    return f"{full['direction']}-{full['ethertype']}-{full.get('protocol', 'any')}{ports}{prefix}"
