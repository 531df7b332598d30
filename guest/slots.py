"""Which slot, and so which routing table, each port has.

A slot is bound to the port's key: pinned by the user, or derived from the key alone. So it stays when siblings are added, removed
or reordered. The price is that two keys may derive the same slot. That is an error, because moving one would change the table of
a living sibling.
"""

import hashlib

from multiport.guest.plan import SLOT_MAX


def derived_slot(key: str) -> int:
    """Return the slot of a port that pins none: a hash of its key, the same on every machine."""
    return 1 + int(hashlib.sha256(key.encode()).hexdigest(), 16) % SLOT_MAX
