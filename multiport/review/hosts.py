"""Comments on pull requests (GitHub) and merge requests (GitLab): one per stack, made once and kept up to date."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from multiport.review.markdown import GITHUB_MOST, GITLAB_MOST

_PAGE: Final = 100  # most that either host gives at once
_TIMEOUT: Final = 30  # seconds


class HostError(Exception):
    """The host refused a request or could not be reached; the text contains the request and the answer."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment of our own."""

    id: str
    body: str


class Host(Protocol):
    """A host on which changes are reviewed."""

    @property
    def most(self) -> int:
        """The size limit of a comment, in bytes."""

    def comments(self) -> Iterator[Comment]:
        """Return our own comments on the change. Those of others are never touched, even if they begin with the marker."""

    def create(self, body: str) -> None:
        """Add a comment."""

    def update(self, comment: Comment, body: str) -> None:
        """Replace a comment's text."""


def stick(host: Host, marker: str, body: str, *, silent: bool) -> str:
    """Make the comment that begins with `marker` say `body`; returns what was done.

    Args:
        host: Where the change is reviewed.
        marker: First line of the comment.
        body: The whole comment.
        silent: Whether there is nothing to say: then no comment is made, but one that is there is brought up to date.
    """
    earlier = next(iter(of_stack(host, marker)), None)
    if earlier is None:
        if silent:
            return "nothing to say"
        host.create(body)
        return "commented"
    if plain(earlier.body) == plain(body):
        return "said already"
    host.update(earlier, body)
    return "comment updated"


def of_stack(host: Host, marker: str) -> list[Comment]:
    """Our own comments whose first line is `marker`. There is one, unless somebody made more."""
    return [each for each in host.comments() if plain(each.body).partition("\n")[0] == marker]


def plain(body: str) -> str:
    """Normalise a text as the hosts may do: they change line ends and remove surrounding blanks."""
    return body.replace("\r\n", "\n").strip()


@dataclass(frozen=True)
class GitHub:
    """A pull request on GitHub.

    Attributes:
        api: Address of the API, for example https://api.github.com.
        repository: owner/name.
        number: Of the pull request.
        token: Needs `pull-requests: write`.
        author: Login that the token writes as; a workflow's own token cannot ask who it is.
    """

    api: str
    repository: str
    number: str
    token: str
    author: str = "github-actions[bot]"
    most: int = GITHUB_MOST

    def comments(self) -> Iterator[Comment]:
        """Our own comments on the pull request."""
        for each in _pages(f"{self.api}/repos/{self.repository}/issues/{self.number}/comments", self._headers):
            # a deleted account leaves its comments without a user
            if _at(each, "user", "login") == self.author:
                yield Comment(str(each["id"]), each.get("body") or "")

    def create(self, body: str) -> None:
        """Add a comment."""
        _call("POST", f"{self.api}/repos/{self.repository}/issues/{self.number}/comments", self._headers, {"body": body})

    def update(self, comment: Comment, body: str) -> None:
        """Replace a comment's text."""
        _call("PATCH", f"{self.api}/repos/{self.repository}/issues/comments/{comment.id}", self._headers, {"body": body})

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}


@dataclass(frozen=True)
class GitLab:
    """A merge request on GitLab.

    Attributes:
        api: Address of the API, for example https://gitlab.com/api/v4.
        project: Its id.
        number: The merge request's number in the project.
        token: Of a project or group, with scope `api`; a job's own token may not write notes.
    """

    api: str
    project: str
    number: str
    token: str
    most: int = GITLAB_MOST

    def comments(self) -> Iterator[Comment]:
        """Our own notes on the merge request."""
        me = _call("GET", f"{self.api}/user", self._headers)
        for each in _pages(self._notes, self._headers):
            if _at(each, "author", "id") == _at(me, "id") is not None and not each.get("system"):
                yield Comment(str(each["id"]), each.get("body") or "")

    def create(self, body: str) -> None:
        """Add a note."""
        _call("POST", self._notes, self._headers, {"body": body})

    def update(self, comment: Comment, body: str) -> None:
        """Replace a note's text."""
        _call("PUT", f"{self._notes}/{comment.id}", self._headers, {"body": body})

    @property
    def _notes(self) -> str:
        return f"{self.api}/projects/{self.project}/merge_requests/{self.number}/notes"

    @property
    def _headers(self) -> dict[str, str]:
        return {"PRIVATE-TOKEN": self.token}


def reviewing(environment: Mapping[str, str]) -> Host | None:
    """Return the change that this job's environment names; None without a change, or without a token to write with."""
    if environment.get("PULL_REQUEST") and environment.get("GITHUB_TOKEN"):
        return GitHub(
            environment["GITHUB_API_URL"],
            environment["GITHUB_REPOSITORY"],
            environment["PULL_REQUEST"],
            environment["GITHUB_TOKEN"],
        )
    if environment.get("CI_MERGE_REQUEST_IID") and environment.get("GITLAB_TOKEN"):
        return GitLab(
            environment["CI_API_V4_URL"],
            environment["CI_PROJECT_ID"],
            environment["CI_MERGE_REQUEST_IID"],
            environment["GITLAB_TOKEN"],
        )
    return None


def reviewed(environment: Mapping[str, str]) -> Host | None:
    """Return the change whose merge into the default branch made the job's commit; None if the host knows no such change.

    Raises:
        HostError: The commit came with several such changes, so that nobody can say which of them was reviewed for it.
    """
    if environment.get("GITHUB_SHA") and environment.get("GITHUB_TOKEN"):
        github = GitHub(environment["GITHUB_API_URL"], environment["GITHUB_REPOSITORY"], "", environment["GITHUB_TOKEN"])
        url = f"{github.api}/repos/{github.repository}/commits/{environment['GITHUB_SHA']}/pulls"
        found = _call("GET", url, {"Authorization": f"Bearer {github.token}", "Accept": "application/vnd.github+json"})
        number = _only(
            [
                each["number"]
                for each in _objects(found)
                if each.get("merged_at")
                and _at(each, "base", "repo", "full_name") == github.repository
                and _at(each, "base", "ref") == _at(each, "base", "repo", "default_branch") is not None
            ]
        )
        return None if number is None else GitHub(github.api, github.repository, number, github.token)
    if environment.get("CI_COMMIT_SHA") and environment.get("GITLAB_TOKEN"):
        api, project, token = (environment[key] for key in ("CI_API_V4_URL", "CI_PROJECT_ID", "GITLAB_TOKEN"))
        url = f"{api}/projects/{project}/repository/commits/{environment['CI_COMMIT_SHA']}/merge_requests"
        found = _call("GET", url, {"PRIVATE-TOKEN": token})
        number = _only(
            [
                each["iid"]
                for each in _objects(found)
                if each.get("state") == "merged"
                and str(each.get("target_project_id")) == project
                and each.get("target_branch") == environment.get("CI_DEFAULT_BRANCH") is not None
            ]
        )
        return None if number is None else GitLab(api, project, number, token)
    return None


def _only(numbers: Iterable[object]) -> str | None:
    found = sorted({str(each) for each in numbers})
    if len(found) > 1:
        raise HostError(
            f"this commit came with several merged changes ({', '.join(found)}), so it is not known which was reviewed"
        )
    return found[0] if found else None


def _objects(answer: Any) -> list[Mapping[str, Any]]:
    if not isinstance(answer, list):
        raise HostError(f"the host answered with {type(answer).__name__} where a list was expected")
    return [each for each in answer if isinstance(each, dict)]


def _at(value: Any, *path: str) -> Any:
    """Return the value at a path in an answer of the host; None if any part of the path is missing or null."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _pages(url: str, headers: Mapping[str, str]) -> Iterator[Any]:
    page = 1
    while True:
        items = _objects(_call("GET", f"{url}?per_page={_PAGE}&page={page}", headers))
        yield from items
        if len(items) < _PAGE:
            return
        page += 1


def _call(method: str, url: str, headers: Mapping[str, str], data: object = None) -> Any:
    if not url.startswith(("https://", "http://")):
        raise HostError(f"{url} is no address of an API")
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(url, body, {**headers, "Content-Type": "application/json"}, method=method)  # noqa: S310 - checked above
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - likewise
            return json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        raise HostError(f"{method} {url}: {error.code} {error.read().decode(errors='replace')[:500]}") from error
    except (urllib.error.URLError, TimeoutError, json.JSONDecodeError) as error:
        raise HostError(f"{method} {url}: {error}") from error
