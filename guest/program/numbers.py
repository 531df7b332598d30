"""Every number and path that the guest's program shares with what renders its plan and its metadata."""

PLAN_VERSION = 1
"""In the first line of the plan; the program refuses any other."""

SLOT_MAX = 511
"""Slots are 1 to 511: the highest priority is then 29191, below NetworkManager's own rules (nm-cloud-setup: 30200)."""

TABLE_BASE = 21000
"""The routing table of slot n is 21000 + n: far from the reserved 253 to 255 and from what other software uses."""

PRIORITY_BASE = 21000
"""The first priority of slot n is 21000 + 16 n: numerically above Cilium (9 to 110), VPC-CNI (512 to 1536) and AWS (10000)."""

PRIORITIES_PER_SLOT = 16
"""How many rule priorities one slot owns."""

PRIORITY_BEHIND = PRIORITY_BASE + PRIORITIES_PER_SLOT * (SLOT_MAX + 1)
"""The first priority behind all slots."""

LINK_GROUP = 21000
"""The link group of every managed interface: `suppress_ifgroup` keeps the main table from sending by another managed one."""

PROTOCOL = 77
"""The routing protocol number that marks routes and rules as ours; it is not in /etc/iproute2/rt_protos."""

MAIN_TABLE = 254

METADATA_PREFIX = "multiport."
"""Server metadata whose key begins with this is ours."""

MTU_MIN = 68
"""The smallest MTU of IPv4 in bytes (RFC 791)."""

MTU_MAX = 65535
"""The largest MTU that Linux gives an Ethernet interface."""

PLAN_PATH = "/etc/policy-routing/plan"
"""The ports that the server was born with; user data writes it."""

CACHE_PATH = "/var/lib/policy-routing/metadata"
"""The last good metadata."""

RUN_FOLDER = "/run/policy-routing"
"""What does not outlive a boot: what to restore, locks, the pipe by which the watch is told things."""

TABLE_NAMES_PATH = "/etc/iproute2/rt_tables.d/policy-routing.conf"
"""Names of the tables for iproute2, with the option table_names."""


def table_of(slot: int) -> int:
    """Return the routing table of a slot."""
    return TABLE_BASE + slot


def priority_of(slot: int) -> int:
    """Return the first rule priority of a slot."""
    return PRIORITY_BASE + PRIORITIES_PER_SLOT * slot


def is_own_table(table: int) -> bool:
    """Return whether a routing table belongs to a slot."""
    return TABLE_BASE < table <= TABLE_BASE + SLOT_MAX
