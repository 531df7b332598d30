"""The pairs of stack files: every single change of the base, then random ones that build on each other."""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, reject, seed, settings
from hypothesis import strategies as st

from multiport.components.checks import load
from multiport.components.config_error import ConfigError
from tests.truth.changes import BASE, CHANGES, Change, Config, NotApplicableError, changed, first
from tests.truth.costs import Cost
from tests.truth.trial import Trial

MOST_CHANGES = 3
"""Changes in one random pair at most: more of them only hide each other."""
DEPLOYED = 5
"""Of so many pairs one is deployed, which takes as long as several previews."""


def singles(trial: Trial, changes: Sequence[Change]) -> dict[str, Cost]:
    """Preview each change by itself on the base, and deploy a sample; returns what each costs."""
    costs: dict[str, Cost] = {}
    for number, change in enumerate(changes):
        trial.restore()
        seen = trial.pair([change.name], changed(BASE, change, first), deploy=number % DEPLOYED == 0)
        costs[change.name] = seen.cost
    trial.restore()
    return costs


def randoms(trial: Trial, number: int, start: int = 0) -> None:
    """Preview random changes of the stack as it is, and deploy a sample, from which the next ones go on."""

    @seed(start)
    @settings(
        max_examples=number,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def one(data: st.DataObject) -> None:
        wanted = data.draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=MOST_CHANGES, unique=True))

        def choose(values: Sequence[Any]) -> Any:
            return data.draw(st.sampled_from(list(values))) if values else reject()

        config: Config = trial.config
        try:
            for change in wanted:
                config = changed(config, change, choose)
            load(config)  # only what is valid by itself is a pair
        except (NotApplicableError, ConfigError):
            reject()
        trial.pair([change.name for change in wanted], config, deploy=len(trial.pairs) % DEPLOYED == 0)

    one()
