"""The remedy for each kind of finding."""

from typing import Final

GONE: Final = "`multiport recover` removes it from the state; the next update creates it again."
BROKEN: Final = (
    "Look at the reason. If the server cannot be repaired in place, raise its guest_generation or replace it with "
    "`pulumi up --replace`."
)
ORPHAN: Final = (
    "`multiport recover` deletes it after asking. Left alone, it is created twice, or makes an update or a destroy fail."
)
ORPHAN_INTERFACE: Final = "`multiport recover` imports it into the state. Without that, every update fails with 400 from Neutron."
ORPHAN_ATTACHMENT: Final = "`multiport recover` imports it into the state. Without that, every update fails with 409 from Nova."
UNTAGGED: Final = (
    "`multiport recover` deletes it if you confirm this one object. On a network of the stack it would make a destroy hang."
)
PENDING: Final = "`multiport recover` clears the entry after it has looked for objects that the operation left behind."
LOCKED: Final = "`multiport recover` removes the lock, if nobody is working on the stack."
RUNNING: Final = "Wait until that process has ended: an audit proves nothing while the stack changes."
LOST: Final = "`multiport recover` sends what is declared. `pulumi up` may not: Pulumi records a failed update as done."
DRIFTED: Final = (
    "Run `pulumi refresh` and read `make preview`: only an update that you have reviewed, or a new object, can restore it."
)
DETACHED: Final = "`multiport recover` attaches it again. `pulumi refresh` and an update would replace the server."
UNDECLARED: Final = "Remove it by hand if it should not be there, or declare it. No command here touches what others have added."
DOUBTFUL: Final = "Look at it yourself: no command here touches it. If it is not yours, remove the stack's tags from it."
