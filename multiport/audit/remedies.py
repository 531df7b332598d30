"""What to do about each kind of finding, in one sentence each."""

from typing import Final

GONE: Final = "`multiport recover` has the state forget it; the next update creates it again."
BROKEN: Final = (
    "Look at the reason. Where it cannot be repaired in place, raise the server's guest_generation, or `pulumi up --replace` it."
)
ORPHAN: Final = "`multiport recover` deletes it after asking. Left alone, it is doubled, or makes an update or a destroy fail."
ORPHAN_INTERFACE: Final = "`multiport recover` imports it into the state. Left alone, every update fails with 400 from Neutron."
ORPHAN_ATTACHMENT: Final = "`multiport recover` imports it into the state. Left alone, every update fails with 409 from Nova."
UNTAGGED: Final = (
    "`multiport recover` deletes it if you say yes to this very one. On a network of the stack it makes a destroy hang."
)
PENDING: Final = "`multiport recover` clears the entry, after it has looked for what the operation left behind."
LOCKED: Final = "`multiport recover` takes the lock off, if nobody works on the stack."
RUNNING: Final = "Wait until it is through; an audit of a stack that changes meanwhile proves nothing."
LOST: Final = "`multiport recover` sends what is declared. `pulumi up` may never: it records an update that failed as done."
DRIFTED: Final = (
    "`pulumi refresh`, then read `make preview`: only a new object or an update that you have seen can bring it back."
)
DETACHED: Final = "`multiport recover` attaches it again; or `pulumi refresh` and an update, which replaces the server."
UNDECLARED: Final = "Take it away by hand if it should not be there, or declare it. Nothing here touches what others have added."
DOUBTFUL: Final = "Look at it yourself: nothing here touches it. If it is not yours, take our tags off it."
