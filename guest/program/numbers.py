"""Every number and path that the guest's program and what renders its plan agree on."""

PLAN_VERSION = 1
"""In the first line of the plan file; the program refuses any other."""

METADATA_VERSION = 1
"""In the first line of the cached metadata; the program ignores any other."""

SLOT_MAX = 511
"""Slots are 1 to 511: the highest priority is then 29191, below NetworkManager's own rules (nm-cloud-setup: 30200)."""

TABLE_BASE = 21000
"""The routing table of slot n is 21000 + n: far from the reserved 253 to 255 and from what other software uses."""

PRIORITY_BASE = 21000
"""The first priority of slot n is 21000 + 16 n: numerically above Cilium (9 to 110), VPC-CNI (512 to 1536) and AWS (10000)."""

PRIORITIES_PER_SLOT = 16
"""How many rule priorities one slot owns."""

FIRST_PRIORITY = PRIORITY_BASE + PRIORITIES_PER_SLOT
"""The lowest priority that is ours: that of slot 1."""

PRIORITY_BEHIND = PRIORITY_BASE + PRIORITIES_PER_SLOT * (SLOT_MAX + 1)
"""The first priority behind all slots: for addresses of the ports' subnets that no slot has rules for yet."""

LINK_GROUP = 21000
"""The link group of every managed interface: `suppress_ifgroup` keeps the main table from sending by another managed one."""

PROTOCOL = 77
"""The routing protocol number that marks routes and rules as ours; it is not in /etc/iproute2/rt_protos."""

MAIN_TABLE = 254
"""The kernel's main routing table."""

METADATA_PREFIX = "multiport."
"""Server metadata whose key begins with this is ours."""

PIN_METRIC = 50
"""The metric of the primary port's default route in the main table: DHCP clients use 100 and more."""

ADOPTION_SECONDS = 60
"""How long the distribution may take to configure a boot port: NetworkManager came 28 s after us where cloud-init was slow."""

HOT_ADOPTION_SECONDS = 5
"""The same for a port that was attached later: it has its lease in less time, or nobody will configure it (measured: networkd)."""

PLAN_PATH = "/etc/policy-routing/plan"
"""The routing plan, which user data writes."""

STATE_FOLDER = "/var/lib/policy-routing"
CACHE_PATH = STATE_FOLDER + "/metadata"
"""The last good answer of the metadata service or the config drive."""

RUN_FOLDER = "/run/policy-routing"
"""What does not outlive a boot: what to restore, the locks, the pipe by which the watch is told things."""

TABLE_NAMES_PATH = "/etc/iproute2/rt_tables.d/policy-routing.conf"
"""Names of the tables for iproute2, with the option table_names."""

FILE_BYTES_MAX = 262144
"""The largest metadata that is read: Nova's 128 items are 66 kB."""

PLAN_BYTES_MAX = 65536
"""The largest plan that is read: 511 ports are 19 kB."""


def table_of(slot: int) -> int:
    """Return the number of a slot's routing table."""
    return TABLE_BASE + slot


def priority_of(slot: int) -> int:
    """Return the first rule priority of a slot."""
    return PRIORITY_BASE + PRIORITIES_PER_SLOT * slot


def is_own_table(table: int) -> bool:
    """Return whether a routing table belongs to a slot."""
    return TABLE_BASE < table <= TABLE_BASE + SLOT_MAX


def is_own_priority(priority: int) -> bool:
    """Return whether a rule priority belongs to a slot, or is one of those behind all slots."""
    return FIRST_PRIORITY <= priority < PRIORITY_BEHIND + PRIORITIES_PER_SLOT
