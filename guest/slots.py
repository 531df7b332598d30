"""Which slot, and so which routing table, each port has.

A slot is bound to the port's key: pinned by the user, or derived from the key alone. So it stays when siblings are
added, removed or reordered. The price: two keys may derive the same slot. That is an error, because a shift would
change the table of a living sibling.
"""

import hashlib
from collections.abc import Mapping

from multiport.guest.errors import GuestError
from multiport.guest.plan import SLOT_MAX, check_slot


def assign_slots(pinned: Mapping[str, int | None]) -> dict[str, int]:
    """Return every port's slot.

    Args:
        pinned: Each port's key with the slot that the user chose for it, or None. A renamed port comes with its oldest key.

    Raises:
        GuestError: A pinned slot is out of range, or two ports share one; pinning another resolves it.
    """
    slots: dict[str, int] = {}
    owners: dict[int, str] = {}
    # Pinned ports first: who pins a slot means it, so the port that is asked to move is the derived one.
    for key, slot in sorted(pinned.items(), key=lambda item: (item[1] is None, item[0])):
        if slot is not None:
            check_slot(f"ports.{key}.slot", slot)
        slots[key] = derived_slot(key) if slot is None else slot
        if (owner := owners.setdefault(slots[key], key)) != key:
            raise GuestError(
                f"ports.{key}.slot",
                f"slot {slots[key]}, {'derived from the key' if slot is None else 'pinned'}, is that of port {owner} already",
                f"Pin slot of this port to a free number from 1 to {SLOT_MAX}",
            )
    return {key: slots[key] for key in pinned}


def derived_slot(key: str) -> int:
    """Return the slot of a port that pins none: a hash of its key, the same on every machine."""
    return 1 + int(hashlib.sha256(key.encode()).hexdigest(), 16) % SLOT_MAX
