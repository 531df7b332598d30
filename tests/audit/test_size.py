"""An audit of 500 servers: few questions, paged, none per object, and little time of our own.

The local cloud's quota is 100 servers. So one server of a real stack stands for 500: its part of the real state and the local
cloud's real answers about it are multiplied, and the lists are served page by page, as Nova and Neutron do.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import openstack

from multiport.audit.audit import audit
from multiport.audit.cloud import PAGE
from multiport.audit.finding import Kind
from multiport.audit.state import read
from tests.audit.conftest import Deployed
from tests.faults.proxy import Request, before

SERVERS: Final = 500
SECONDS: Final = 30
"""What an audit may take of our own processor time."""

LISTS: Final = {
    "/v2.0/networks": "networks",
    "/v2.0/subnets": "subnets",
    "/v2.0/routers": "routers",
    "/v2.0/ports": "ports",
    "/v2.0/floatingips": "floatingips",
    "/v2.0/security-groups": "security_groups",
    "/v2.0/security-group-rules": "security_group_rules",
    "/v2.1/servers/detail": "servers",
}


def multiplied(deployed: Deployed) -> tuple[str, dict[str, list[dict[str, Any]]]]:
    """The state and the lists of the cloud, with the server `web` and all that is its own 500 times."""
    exported = json.loads(deployed.stack._call("stack", "export").stdout)
    resources = exported["deployment"]["resources"]
    own = [each for each in resources if each["urn"].rsplit("::", 1)[-1].startswith("web") and "pulumi:" not in each["type"]]
    ids = {each["id"].split("/")[-1] for each in own if each.get("id")}
    text = json.dumps(own)
    exported["deployment"]["resources"] = resources + [
        each for number in range(1, SERVERS) for each in json.loads(_copy(text, ids, number).replace("::web", f"::web{number}"))
    ]
    lists: dict[str, list[dict[str, Any]]] = {}
    for path, key in LISTS.items():
        service = deployed.api.compute if path.startswith("/v2.1") else deployed.api.network
        options = {"microversion": "2.96"} if path.startswith("/v2.1") else {}
        found = service.get(path.removeprefix("/v2.1").removeprefix("/v2.0"), **options).json()[key]
        mine = json.dumps([each for each in found if each["id"] in ids])
        lists[key] = found + [each for number in range(1, SERVERS) for each in json.loads(_copy(mine, ids, number))]
    return json.dumps(exported), lists


def _copy(text: str, ids: set[str], number: int) -> str:
    for each in ids:
        text = text.replace(each, f"{number:08x}{each[8:]}")
    return text


def pages(lists: Mapping[str, list[dict[str, Any]]], asked: list[Request]) -> Callable[[Request], bytes | None]:
    """The lists, as many objects at a time as the question allows."""

    def answer(request: Request) -> bytes | None:
        url = urlsplit(request.path)
        key = LISTS.get(url.path)
        if key is None or request.method != "GET":
            return None
        query = parse_qs(url.query)
        limit, marker = int(query["limit"][0]), query.get("marker")
        listed = lists[key]
        if "id" in query:
            listed = [each for each in listed if each["id"] in query["id"]]
        start = 1 + [each["id"] for each in listed].index(marker[0]) if marker else 0
        asked.append(request)
        assert limit <= PAGE
        return json.dumps({key: listed[start : start + limit]}).encode()

    return answer


def test_500_servers_are_audited_with_few_questions(deployed: Deployed, cloud: dict[str, str], tmp_path: Path) -> None:
    text, lists = multiplied(deployed)
    with before(Path(cloud["OS_CLIENT_CONFIG_FILE"]), tmp_path / "proxy") as proxy:
        asked: list[Request] = []
        proxy.answer = pages(lists, asked)
        config = openstack.config.OpenStackConfig(config_files=[str(proxy.clouds_yaml)])
        connection = openstack.connection.Connection(config=config.get_one("local"))
        started = time.process_time()
        made = audit(read(text), {}, lambda _: None, connection)
        seconds = time.process_time() - started
        assert made.findings == ()
        assert sum(1 for each in made.state.of("openstack:compute:Instance")) == SERVERS + 2
        # one question for each page, and one by which the SDK learns that there are no more
        needed = {key: 2 + len(listed) // PAGE for key, listed in lists.items()}
        counted = Counter(LISTS[urlsplit(each.path).path] for each in asked)
        assert all(number <= needed[key] for key, number in counted.items()), (counted, needed)
        others = [each for each in proxy.requests if each not in asked]
        assert len(others) <= 12, others  # a token, the catalogue's versions, images, server groups
        print(f"{len(proxy.requests)} requests, {seconds:.1f} s of our own for {SERVERS} servers")

        # one address of one of them is taken away: it is found among all
        victim = next(each for each in lists["ports"] if each["id"].startswith("0000012c") and len(each["fixed_ips"]) > 2)
        lost = victim["fixed_ips"].pop(0)["ip_address"]
        [finding] = audit(read(text), {}, lambda _: None, connection).findings
        assert (finding.kind, finding.id, finding.attribute) == (Kind.DIFFERS, victim["id"], "fixed_ips")
        assert lost not in finding.problem.split(", declared")[0]
        assert not proxy.changes()
    assert seconds < SECONDS
