"""User data: what replaces a server, what waits, what stays secret."""

import hashlib
from typing import Any

import pulumi
import pytest

from tests.unit.components.deployment import Deployment, deploy
from tests.unit.components.expected import changed
from tests.unit.components.programs import server
from tests.unit.components.wire import UNKNOWN, Secret

INSTANCE, PARENT = "Instance web-server", "MultiPortInstance web"
OLD, NEW = "#cloud-config\npackages: [tcpdump]\n", "#cloud-config\npackages: [tcpdump, mtr]\n"


def of(cloud_config: str, after: Deployment | None = None, *, preview: bool = False, **args: Any) -> Deployment:
    return deploy(lambda: server(cloud_config=cloud_config, **args), after=after, preview=preview)


@pytest.mark.parametrize("guest_update", [None, "replace"])
def test_changed_user_data_replaces_the_server_by_default(guest_update: str | None) -> None:
    first = of(OLD, guest_update=guest_update)
    second = of(NEW, first, guest_update=guest_update)
    assert changed(first, second) == {INSTANCE: {"userData"}, PARENT: {"cloudConfig"}}
    assert "ignore_changes" not in second[INSTANCE].options
    assert "replacement_trigger" not in second[INSTANCE].options
    assert second.outputs[PARENT]["guestUpdatePending"] is False


@pytest.mark.parametrize("preview", [False, True])
def test_kept_user_data_waits_and_says_so(preview: bool) -> None:
    first = of(OLD, guest_update="keep")
    assert first[INSTANCE].options["ignore_changes"] == ["userData"]
    assert first.outputs[PARENT]["guestUpdatePending"] is False
    second = of(NEW, first, preview=preview, guest_update="keep")
    found = second.outputs[PARENT]
    assert found["guestUpdatePending"] is True
    assert "mtr" in found["userData"]
    assert found["userDataSha256"] == hashlib.sha256(found["userData"].encode()).hexdigest()
    assert of(OLD, second, guest_update="keep").outputs[PARENT]["guestUpdatePending"] is False


def test_a_raised_generation_replaces_a_server_that_keeps() -> None:
    generations = [of(OLD, guest_update="keep", guest_generation=each)[INSTANCE] for each in (None, 0, 1)]
    assert [each.options["replacement_trigger"] for each in generations] == [0, 0, 1]
    assert generations[0].inputs == generations[2].inputs


@pytest.mark.parametrize("guest_update", ["replace", "keep"])
def test_leaving_return_path_none_is_pending_or_done(guest_update: str) -> None:
    first = deploy(lambda: server(return_path="none", guest_update=guest_update))
    assert first.outputs[PARENT]["guestUpdatePending"] is False
    second = deploy(lambda: server(guest_update=guest_update), after=first)
    assert second.outputs[PARENT]["guestUpdatePending"] is (guest_update == "keep")


def test_a_secret_in_cloud_config_stays_one() -> None:
    found = deploy(lambda: server(cloud_config=pulumi.Output.secret(OLD), metadata={"role": "web"}))
    open_ = of(OLD, metadata={"role": "web"})
    inputs, outputs = found[INSTANCE].inputs, found.outputs[PARENT]
    assert inputs["userData"] == Secret(open_[INSTANCE].inputs["userData"])
    assert {key: value for key, value in inputs.items() if key != "userData"} == {
        key: value for key, value in open_[INSTANCE].inputs.items() if key != "userData"
    }
    assert outputs == {
        **open_.outputs[PARENT],
        **{key: Secret(open_.outputs[PARENT][key]) for key in ("userData", "userDataSha256", "guestUpdatePending")},
    }
    assert found[PARENT].inputs == {**open_[PARENT].inputs, "cloudConfig": Secret(OLD)}


def test_cloud_config_that_is_not_known_yet() -> None:
    def program() -> None:
        other = server("other")
        server(cloud_config=other.server_id.apply(lambda each: f"#cloud-config\nfqdn: {each}\n"))

    found = deploy(program, preview=True, after=deploy(server))
    assert found[INSTANCE].inputs["userData"] is UNKNOWN
    assert found[INSTANCE].inputs["metadata"].keys() == {"multiport.port.a"}


def test_user_data_that_grew_too_big_is_refused() -> None:
    with pytest.raises(Exception, match="exceed the 49,149 of Nova"):
        deploy(lambda: server(cloud_config=pulumi.Output.from_input("#cloud-config\nfinal_message: " + "x" * 60000)))
