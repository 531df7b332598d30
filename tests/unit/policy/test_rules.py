"""What counts as a secret in user data. The policy engine's own part is tested in tests/review."""

import json
from pathlib import Path

import pytest
import yaml

from multiport.guest.cloud_config import user_data
from multiport.guest.plan import BootPort, RoutingPlan
from multiport.policy import rules

PLAN = RoutingPlan((BootPort(slot=7, mac="fa:16:3e:00:00:07", primary=True),))
CLOUD_CONFIG = """#cloud-config
write_files:
- path: /etc/app/token
  permissions: '0600'
  content: |
    #!/bin/sh
    login swordfish-one
runcmd:
- systemctl daemon-reload
- [curl, -H, 'Authorization: swordfish-two']
packages: [openssh-server]
"""


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack whose server `web` has a secret cloud-config, and whose server `app` shows a package in clear."""
    config = {
        "multiport:servers": {
            "web": {"cloud_config": {"secure": "v1:abc"}},
            "app": {"cloud_config": "#cloud-config\npackages: [openssh-server]\n"},
        }
    }
    (tmp_path / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": config}))
    shown = json.dumps({"web": {"cloud_config": CLOUD_CONFIG}, "app": config["multiport:servers"]["app"]})
    (tmp_path / "Pulumi.yaml").write_text("name: multiport\nruntime: python\n")
    monkeypatch.setenv(rules.PROJECT, str(tmp_path))
    monkeypatch.setenv("PULUMI_STACK", "dev")
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"multiport:servers": shown}))
    return tmp_path


NAME = "multiport:servers.web.cloud_config"


def found(cloud_config: str | None) -> list[str]:
    return rules.carried(user_data(PLAN, cloud_config), rules._secrets())


@pytest.mark.parametrize(
    "innocent",
    [
        None,
        "#cloud-config\nwrite_files:\n- {path: /etc/other, permissions: '0600', content: hello}\n",
        "#cloud-config\nruncmd: [systemctl daemon-reload]\n",
        "#cloud-config\npackages: [openssh-server]\n",
        "#cloud-config\nwrite_files:\n- path: /x\n  content: |\n    #!/bin/sh\n    true\n",
        "#cloud-config\nruncmd: [[curl, -H, 'Authorization: none']]\n",
    ],
)
@pytest.mark.usefixtures("stack")
def test_a_server_that_carries_no_secret_passes(innocent: str | None) -> None:
    assert found(innocent) == []


@pytest.mark.parametrize(
    "carrying",
    [
        CLOUD_CONFIG,
        "#cloud-config\nruncmd: [['echo', 'Authorization: swordfish-two']]\n",
        "#cloud-config\nruncmd: ['echo Authorization: swordfish-two > /x']\n",
        '#cloud-config\nwrite_files: [{"path": "/x", "content": "#!/bin/sh\\nlogin swordfish-one\\n"}]\n',
    ],
)
@pytest.mark.usefixtures("stack")
def test_a_server_that_carries_a_value_of_it_is_refused(carrying: str) -> None:
    assert found(carrying) == [NAME]


def test_a_short_secret_of_its_own_is_looked_for_whole() -> None:
    assert list(rules.telling("pin4")) == ["pin4"]
    assert list(rules.telling("pin")) == []
    assert list(rules.telling("#cloud-config\npackages: [htop, openssh-server]\n")) == ["openssh-server"]
