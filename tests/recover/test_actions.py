"""What a recovery plans, in which order, and what needs a yes of its own."""

from multiport.audit import remedies
from multiport.audit.audit import Audited
from multiport.audit.cloud import Cloud
from multiport.audit.finding import Finding, Kind
from multiport.audit.state import State
from multiport.recover.actions import Do, actions


def finding(kind: Kind, what: str, name: str = "x", **more: object) -> Finding:
    return Finding(kind, what, name, f"id-{name}", "problem", str(more.pop("remedy", "remedy")), **more)  # type: ignore[arg-type]


def planned(*findings: Finding) -> list[tuple[Do, str]]:
    return [(each.do, each.what) for each in actions(Audited(State("multiport", "dev", ()), Cloud("mine"), findings))]


def test_what_depends_goes_before_what_it_depends_on() -> None:
    assert planned(
        finding(Kind.ORPHAN, "network"),
        finding(Kind.ORPHAN, "port"),
        finding(Kind.GONE, "server"),
        finding(Kind.ORPHAN, "server"),
        finding(Kind.DIFFERS, "port", repair={"name": "x"}, attribute="name"),
        finding(Kind.ORPHAN, "subnet"),
        finding(Kind.LOCKED, "stack", remedy=remedies.LOCKED),
    ) == [
        (Do.UNLOCK, "stack"),
        (Do.SEND, "port"),
        (Do.DELETE, "server"),
        (Do.DELETE, "port"),
        (Do.DELETE, "subnet"),
        (Do.DELETE, "network"),
        (Do.REFRESH, "state"),
    ]


def test_what_is_left_alone() -> None:
    assert (
        planned(
            finding(Kind.DOUBTFUL, "port"),
            finding(Kind.UNDECLARED, "security group"),
            finding(Kind.BROKEN, "server"),
            finding(Kind.DIFFERS, "server", attribute="flavor"),
            finding(Kind.LOCKED, "stack", remedy=remedies.RUNNING),
        )
        == []
    )


def test_a_server_an_address_and_what_was_never_tagged_need_a_yes_of_their_own() -> None:
    found = actions(
        Audited(
            State("multiport", "dev", ()),
            Cloud("mine"),
            (
                finding(Kind.ORPHAN, "server"),
                finding(Kind.DOUBLE, "floating IP"),
                finding(Kind.ORPHAN, "port"),
                finding(Kind.UNTAGGED, "port"),
            ),
        )
    )
    assert [set(each.consents) for each in found] == [{"server"}, {"floating IP"}, set(), {"untagged"}]
