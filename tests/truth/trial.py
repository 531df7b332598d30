"""One stack that is changed again and again: each change is previewed, some are deployed and compared with the report."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from multiport.review.markdown import GITHUB_MOST, markdown
from multiport.review.preview import read
from multiport.review.redaction import Redaction
from multiport.review.rendered import rendered
from multiport.review.report import Report, report
from multiport.review.terminal import terminal
from tests.engine.stack import Stack, UpdateError
from tests.review.record import preview_of
from tests.truth.changes import BASE, Config
from tests.truth.cloud import Holdings, holdings
from tests.truth.comparison import untruths
from tests.truth.costs import Cost, cost


@dataclass(frozen=True)
class Pair:
    """What was seen of one pair of stack files.

    Attributes:
        changes: Names of the changes that lead from the one to the other.
        verdict: What the report says.
        outcome: `changes`, `no change`, `refused` or `failed`.
        cost: What it costs, as the table shows it.
        deployed: Whether it was deployed.
        untruths: What the report missed or invented.
    """

    changes: tuple[str, ...]
    verdict: str
    outcome: str
    cost: Cost
    deployed: bool
    untruths: tuple[str, ...]


class Trial:
    """The stack, what it is now, and all pairs so far."""

    def __init__(self, stack: Stack, api: Any) -> None:
        self._stack = stack
        self._api = api
        self.pairs: list[Pair] = []
        self.config: Config = {}
        self._before = Holdings({}, {}, {}, {})
        self.restore()

    def restore(self) -> None:
        """Deploy the base, from nothing if an update has failed."""
        if self.config == BASE:
            return
        try:
            self._deploy(BASE)
        except UpdateError:
            self._stack.destroy()
            self._deploy(BASE)

    def previewed(self, config: Config) -> Report:
        """The report of a change, rendered in every form."""
        self._stack.configure(config)
        events, described, _ = preview_of(self._stack, {}, policies=False)
        preview = read(events, described, Redaction(()), stack=self._stack.name)
        made, topology = report(preview, rendered(preview))
        terminal(made, colours=True)
        markdown(made, topology, GITHUB_MOST)
        return made

    def pair(self, changes: Sequence[str], config: Config, *, deploy: bool) -> Pair:
        """Preview a change of the stack as it is now; deploy it if `deploy` and if it may be."""
        made = self.previewed(config)
        found = list(_unclear(made))
        deploy = deploy and made.outcome == "changes"
        if deploy:
            before = self._before
            try:
                self._deploy(config)
            except UpdateError as failed:
                found.append(f"the preview went through, and the update failed: {_reason(str(failed))}")
                self.config = {}
                self.restore()
            else:
                found += untruths(made, before, self._before)
        seen = Pair(tuple(changes), made.verdict, made.outcome, cost(made), deploy, tuple(found))
        self.pairs.append(seen)
        return seen

    def _deploy(self, config: Config) -> None:
        self.config = {}
        self._stack.configure(config)
        self._stack.update()
        self.config = config
        self._before = holdings(self._api, self._stack.name, frozenset(self._before.leads_to))

    def write(self, path: Path) -> None:
        """Write what was seen, one pair a line."""
        path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in self.pairs))


def _unclear(made: Report) -> list[str]:
    """What a refused preview owes to its reader: a key and a remedy, and no trace of a program."""
    told = [each.message for each in made.diagnostics if each.severity == "error"]
    if made.outcome != "failed":
        return []
    return [f"a refusal that says nothing to a user: {text}" for text in told if "Traceback" in text or ": " not in text] or (
        [] if told else ["it fails without a word"]
    )


def _reason(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if "rror" in line]
    return (lines or [text])[0][:300]


def broken(pairs: Sequence[Pair]) -> Mapping[str, tuple[str, ...]]:
    """What reports missed or invented, by the changes that show it."""
    return {" + ".join(pair.changes): pair.untruths for pair in pairs if pair.untruths}
