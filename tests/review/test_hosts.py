"""One comment per stack, on loopback servers that speak the protocols of the real hosts."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from multiport.review.hosts import GitHub, GitLab, Host, HostError, reviewed, reviewing, stick

MARK = "<!-- multiport review of multiport/prod -->"
BODY = f"{MARK}\n**x**"


class Server:
    """The parts of both hosts' APIs that comments need: pages, authors, tokens, merged changes."""

    def __init__(self) -> None:
        self.comments: list[dict[str, Any]] = []
        self.writes: list[str] = []
        self.merged: list[dict[str, Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                data = json.loads(self.rfile.read(length)) if length else None
                status, answer = outer.call(self.command, self.path, dict(self.headers), data)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 - the base class's names

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self._thread = threading.Thread(target=self.http.serve_forever)
        self._thread.start()

    def close(self) -> None:
        if self._thread.is_alive():
            self.http.shutdown()
            self._thread.join()
            self.http.server_close()

    def call(self, method: str, path: str, headers: dict[str, str], data: Any) -> tuple[int, Any]:
        url = urlsplit(path)
        if headers.get("Authorization") != "Bearer t" and headers.get("Private-Token") != "t":
            return 401, {"message": "Bad credentials"}
        if method == "GET" and url.path == "/user":
            return 200, {"id": 7}
        if method == "GET" and re.search(r"/commits/abc/(pulls|merge_requests)$", url.path):
            return 200, self.merged
        if re.fullmatch(r"(/repos/o/r/issues/5/comments|/projects/3/merge_requests/5/notes)", url.path):
            if method == "POST":
                self.add(data["body"])
                self.writes.append("POST")
                return 201, {}
            query = parse_qs(url.query)
            size, page = int(query["per_page"][0]), int(query["page"][0])
            return 200, self.comments[(page - 1) * size : page * size]
        if (method in ("PATCH", "PUT")) and (found := re.search(r"/(?:comments|notes)/(\d+)$", url.path)):
            self.comments[int(found[1])]["body"] = data["body"]
            self.writes.append(method)
            return 200, {}
        return 404, {"message": "Not Found"}

    def add(self, body: str, *, ours: bool = True) -> None:
        who = {"login": "github-actions[bot]" if ours else "mallory", "id": 7 if ours else 8}
        self.comments.append({"id": len(self.comments), "body": body, "user": who, "author": who})


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(params=["github", "gitlab"])
def host(request: pytest.FixtureRequest, server: Server) -> Host:
    if request.param == "github":
        return GitHub(server.url, "o/r", "5", "t")
    return GitLab(server.url, "3", "5", "t")


def test_silent_when_there_is_nothing_to_say(server: Server, host: Host) -> None:
    assert stick(host, MARK, BODY, silent=True) == "nothing to say"
    assert not server.comments


def test_one_comment_that_is_kept_up_to_date(server: Server, host: Host) -> None:
    server.add("a person's words", ours=False)
    assert stick(host, MARK, BODY, silent=False) == "commented"
    assert stick(host, MARK, f"{BODY}\n", silent=False) == "said already"
    assert stick(host, MARK, f"{MARK}\nother", silent=False) == "comment updated"
    assert stick(host, MARK, f"{MARK}\nnothing changes", silent=True) == "comment updated"
    assert [each["body"] for each in server.comments] == ["a person's words", f"{MARK}\nnothing changes"]
    assert server.writes[0] == "POST"
    assert len(server.writes) == 3


def test_line_ends_of_the_host_are_not_a_change(server: Server, host: Host) -> None:
    server.add(BODY.replace("\n", "\r\n"))
    assert stick(host, MARK, BODY, silent=False) == "said already"


def test_a_comment_per_stack(server: Server, host: Host) -> None:
    other = MARK.replace("prod", "production")
    stick(host, other, f"{other}\n1", silent=False)
    stick(host, MARK, BODY, silent=False)
    assert len(server.comments) == 2


def test_others_comments_are_left_alone(server: Server, host: Host) -> None:
    server.add(f"{MARK}\nmine", ours=False)
    assert stick(host, MARK, BODY, silent=False) == "commented"
    assert server.comments[0]["body"] == f"{MARK}\nmine"


def test_found_on_any_page(server: Server, host: Host) -> None:
    for number in range(250):
        server.add(f"{number}")
    server.add(f"{MARK}\nold")
    assert stick(host, MARK, BODY, silent=False) == "comment updated"
    assert len(server.comments) == 251


def test_a_refusal_is_an_error(server: Server) -> None:
    with pytest.raises(HostError, match="401"):
        stick(GitHub(server.url, "o/r", "5", "wrong"), MARK, BODY, silent=False)
    with pytest.raises(HostError, match="no address"):
        stick(GitHub("file:///etc", "o/r", "5", "t"), MARK, BODY, silent=False)
    server.close()
    with pytest.raises(HostError, match="refused"):
        stick(GitHub(server.url, "o/r", "5", "t"), MARK, BODY, silent=False)


def test_found_in_the_jobs_environment(server: Server) -> None:
    github = {"GITHUB_API_URL": server.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "t"}
    assert reviewing({}) is None
    assert reviewing({**github, "PULL_REQUEST": ""}) is None
    assert reviewing({**github, "PULL_REQUEST": "5"}) == GitHub(server.url, "o/r", "5", "t")
    gitlab = {"CI_API_V4_URL": server.url, "CI_PROJECT_ID": "3", "GITLAB_TOKEN": "t"}
    assert reviewing({**gitlab, "CI_MERGE_REQUEST_IID": "5"}) == GitLab(server.url, "3", "5", "t")
    assert reviewing({**gitlab, "GITLAB_TOKEN": "", "CI_MERGE_REQUEST_IID": "5"}) is None


def test_the_merged_change_of_a_commit(server: Server) -> None:
    github, gitlab = _environments(server)
    assert reviewed({}) is None
    assert reviewed(github) is None
    server.merged = [merged(4, merged_at=None, state="opened"), merged(5)]
    assert reviewed(github) == GitHub(server.url, "o/r", "5", "t")
    assert reviewed(gitlab) == GitLab(server.url, "3", "5", "t")


@pytest.mark.parametrize(
    "other",
    [
        {"base": {"ref": "side", "repo": {"full_name": "o/r", "default_branch": "main"}}, "target_branch": "side"},
        {"base": {"ref": "main", "repo": {"full_name": "x/r", "default_branch": "main"}}, "target_project_id": 4},
        {"base": {"ref": None, "repo": {"full_name": "o/r", "default_branch": None}}, "target_branch": None},
        {"base": {"ref": "main", "repo": None}, "target_branch": None},
        {"base": None, "target_project_id": None},
    ],
    ids=["another branch", "another repository", "no default branch", "a repository that is gone", "nothing"],
)
def test_what_was_merged_elsewhere_is_not_what_was_reviewed(server: Server, other: dict[str, Any]) -> None:
    github, gitlab = _environments(server)
    server.merged = [merged(5, **other)]
    assert reviewed(github) is None
    assert reviewed(gitlab) is None


def test_several_merged_changes_are_refused(server: Server) -> None:
    server.merged = [merged(5), merged(6)]
    for environment in _environments(server):
        with pytest.raises(HostError, match=r"several merged changes \(5, 6\)"):
            reviewed(environment)


def test_answers_that_are_not_as_documented(server: Server, host: Host) -> None:
    server.comments = [
        {"id": 0, "body": f"{MARK}\nours?", "user": None, "author": None},
        {"id": 1, "body": f"{MARK}\nours?", "user": {}, "author": {}},
        {"id": 2, "body": f"{MARK}\nours?"},
        {"id": 3, "body": None, "user": {"login": "github-actions[bot]"}, "author": {"id": 7}},
    ]
    assert [each.body for each in host.comments()] == [""]
    server.merged = {"message": "not a list"}  # type: ignore[assignment]
    for environment in _environments(server):
        with pytest.raises(HostError, match="dict where a list was expected"):
            reviewed(environment)


def merged(number: int, **other: Any) -> dict[str, Any]:
    """Return a merged change as both hosts show it."""
    return {
        "number": number,
        "iid": number,
        "merged_at": "2026-01-01T00:00:00Z",
        "state": "merged",
        "base": {"ref": "main", "repo": {"full_name": "o/r", "default_branch": "main"}},
        "target_branch": "main",
        "target_project_id": 3,
        **other,
    }


def _environments(server: Server) -> tuple[dict[str, str], dict[str, str]]:
    return (
        {"GITHUB_API_URL": server.url, "GITHUB_REPOSITORY": "o/r", "GITHUB_TOKEN": "t", "GITHUB_SHA": "abc"},
        {
            "CI_API_V4_URL": server.url,
            "CI_PROJECT_ID": "3",
            "GITLAB_TOKEN": "t",
            "CI_COMMIT_SHA": "abc",
            "CI_DEFAULT_BRANCH": "main",
        },
    )
