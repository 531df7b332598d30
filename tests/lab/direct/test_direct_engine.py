"""Tests of the direct driver's engine with a cloud that is a dictionary: create, find unchanged, refuse, delete."""

import json
from collections.abc import Callable

import pulumi
import pytest

from tests.lab.direct.fake_stack import Group, Stack, Thing

ROOT = "urn:pulumi:one::sample::pulumi:pulumi:Stack::sample-one"
THING = "urn:pulumi:one::sample::openstack:test:Thing"
CHILD = "urn:pulumi:one::sample::sample:index:Group$openstack:test:Thing"


def sized(**sizes: int) -> Callable[[], object]:
    def program() -> None:
        for name, size in sizes.items():
            Thing(name, size=size)

    return program


def test_a_stack_is_created_found_unchanged_and_deleted(stack: Stack) -> None:
    def program() -> None:
        group = Group("web")
        last = Thing("last", size=group.second.size.apply(lambda size: size + 1), opts=pulumi.ResourceOptions(depends_on=[group]))
        pulumi.export("serial", last.serial)
        pulumi.export("size", last.size)

    made = stack.up(program)
    assert made.status == 0, made.err
    assert "Resources: 3 created" in made.out
    assert stack.cloud.log == ["+web-first-0000000", "+web-second-0000000", "+last-0000000"]
    assert stack.urns() == {
        ROOT,
        "urn:pulumi:one::sample::sample:index:Group::web",
        f"{CHILD}::web-first",
        f"{CHILD}::web-second",
        f"{THING}::last",
    }
    assert stack.state.outputs == {"serial": "serial of id-2", "size": 2}
    before = stack.path.read_bytes()

    again = stack.up(program)
    assert again.status == 0, again.err
    assert "Resources: 3 unchanged" in again.out
    assert stack.preview(program).status == 0
    assert len(stack.cloud.log) == len(stack.cloud.objects)
    assert stack.path.read_bytes() == before

    assert stack.down().status == 0
    assert stack.cloud.log[3:] == ["-last-0000000", "-web-second-0000000", "-web-first-0000000"]
    assert stack.cloud.objects == {}
    assert not stack.path.exists()
    nothing = stack.down()
    assert nothing.status == 0
    assert "nothing to delete" in nothing.out


def test_only_the_owner_can_read_the_state_file(stack: Stack) -> None:
    stack.up(sized(a=1))
    assert stack.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in stack.path.parent.iterdir()] == ["one.json"]


def test_a_preview_plans_but_creates_nothing(stack: Stack) -> None:
    def program() -> None:
        a = Thing("a", size=1)
        Thing("b", size=a.serial.apply(lambda _: pytest.fail("a serial number before anything exists")))

    planned = stack.preview(program)
    assert planned.status == 0, planned.err
    assert "Resources: 2 to create" in planned.out
    assert stack.cloud.log == []
    assert not stack.path.exists()


# Changes that need the CLI.


def refused(stack: Stack, first: Callable[[], object], second: Callable[[], object], *texts: str) -> None:
    assert stack.up(first).status == 0
    log, state = list(stack.cloud.log), stack.path.read_bytes()
    for command in (stack.up, stack.preview):
        outcome = command(second)
        assert outcome.status == 1
        assert "this needs the Pulumi CLI (https://www.pulumi.com/docs/install)" in outcome.err
        for text in texts:
            assert text in outcome.err
        assert "Traceback" not in outcome.err
    assert stack.cloud.log == log
    assert stack.path.read_bytes() == state
    assert stack.up(first).status == 0


def test_changed_inputs_are_refused_with_their_names(stack: Stack) -> None:
    def before() -> None:
        Thing("a", size=1, colour="red", shape="round")

    def after() -> None:
        Thing("a", size=2, colour="red", weight=3)

    refused(stack, before, after, "~ openstack:test:Thing a: shape, size, weight changed")


def test_all_changes_are_reported_together(stack: Stack) -> None:
    refused(stack, sized(a=1, b=1, c=1), sized(a=2, b=2), "Thing a: size", "Thing b: size", "- openstack:test:Thing c: no longer")


def test_a_removed_resource_is_refused(stack: Stack) -> None:
    refused(stack, sized(a=1, b=1), sized(a=1), "- openstack:test:Thing b: no longer in the program\n")


def test_a_new_resource_is_refused_and_its_dependents_are_not_reported_as_removed(stack: Stack) -> None:
    def after() -> None:
        new = Thing("new", size=1)
        Thing("a", size=new.size)

    refused(
        stack,
        sized(a=1),
        after,
        "+ openstack:test:Thing new: new",
        "a: no longer in the program, or it depends on a new resource",
    )


def test_a_renamed_resource_without_alias_is_refused(stack: Stack) -> None:
    refused(stack, sized(a=1), sized(b=1), "+ openstack:test:Thing b: new", "- openstack:test:Thing a:")


def test_a_changed_replacement_trigger_is_refused_but_an_added_one_is_not(stack: Stack) -> None:
    def triggered(value: str | None) -> Callable[[], object]:
        return lambda: Thing("a", opts=pulumi.ResourceOptions(replacement_trigger=value))

    refused(stack, triggered("g1"), triggered("g2"), "Thing a: replacement_trigger changed")
    stack.down()
    assert stack.up(triggered(None)).status == 0
    assert stack.up(triggered("g1")).status == 0


def test_a_changed_secret_is_refused_without_printing_it(stack: Stack) -> None:
    def program(value: str) -> Callable[[], object]:
        return lambda: Thing("a", password=pulumi.Output.secret(value))

    refused(stack, program("first-secret"), program("second-secret"), "Thing a: password changed")
    assert "second-secret" not in stack.up(program("second-secret")).err


def test_a_resource_that_moves_to_another_provider_is_refused(stack: Stack) -> None:
    def program(chosen: str) -> Callable[[], object]:
        def run() -> None:
            providers = {name: pulumi.ProviderResource("openstack", name, {"cloud": name}) for name in ("x", "y")}
            Thing("a", opts=pulumi.ResourceOptions(provider=providers[chosen]))

        return run

    refused(stack, program("x"), program("y"), "Thing a: provider changed")


@pytest.mark.parametrize(
    ("program", "text"),
    [
        (lambda: pulumi.CustomResource("aws:s3:Bucket", "b", {}), "resource type aws:s3:Bucket is not supported"),
        (lambda: pulumi.ProviderResource("aws", "p", {}), "provider pulumi:providers:aws is not supported"),
        (lambda: Thing("a", opts=pulumi.ResourceOptions(import_="x")), "openstack:test:Thing a is an import"),
        (lambda: pulumi.ComponentResource("x:y:Z", "z", {}, remote=True), "x:y:Z z is a component of another package"),
        (lambda: pulumi.runtime.invoke("aws:x:getY", {}), "function aws:x:getY is not supported"),
    ],
)
def test_unsupported_features_are_refused_before_anything_is_created(
    stack: Stack, program: Callable[[], object], text: str
) -> None:
    def with_another() -> None:
        Thing("innocent")
        program()

    outcome = stack.preview(with_another)
    assert outcome.status == 1
    assert text in outcome.err
    assert "this needs the Pulumi CLI" in outcome.err
    assert "Traceback" not in outcome.err
    assert stack.cloud.log == []


def test_transforms_are_refused_by_the_sdk_itself(stack: Stack) -> None:
    def program() -> None:
        Thing("a", opts=pulumi.ResourceOptions(transforms=[lambda _: None]))

    assert "does not support transforms" in stack.preview(program).err


# Changes that need no CLI.


def test_ignored_changes_count_as_unchanged_and_the_first_value_stays_recorded(stack: Stack) -> None:
    def program(text: str) -> Callable[[], object]:
        return lambda: Thing("a", text=text, opts=pulumi.ResourceOptions(ignore_changes=["text"]))

    assert stack.up(program("old")).status == 0
    assert stack.up(program("new")).status == 0
    assert stack.state.resources[f"{THING}::a"].inputs["text"] == "old"


def test_an_alias_keeps_a_renamed_resource_its_children_and_its_dependents(stack: Stack) -> None:
    def program(name: str, alias: str | None) -> Callable[[], object]:
        def run() -> None:
            aliases = [pulumi.Alias(name=alias)] if alias else []
            group = Group(name, pulumi.ResourceOptions(aliases=aliases))
            Thing("after", opts=pulumi.ResourceOptions(depends_on=[group]))

        return run

    stack.up(program("web", None))
    renamed = stack.up(program("shop", "web"))
    assert renamed.status == 0, renamed.err
    assert "3 unchanged" in renamed.out
    assert f"{CHILD}::shop-first" in stack.urns()
    assert f"{CHILD}::web-first" not in stack.urns()
    assert f"{CHILD}::shop-second" in stack.state.resources[f"{THING}::after"].dependencies
    assert stack.up(program("shop", None)).status == 0  # the new name is recorded now, so the alias can be removed
    assert stack.down().status == 0
    assert stack.cloud.objects == {}


def test_options_and_outputs_may_change(stack: Stack) -> None:
    def program(value: str, *, protect: bool) -> Callable[[], object]:
        def run() -> None:
            Thing("a", opts=pulumi.ResourceOptions(protect=protect))
            pulumi.export("value", value)

        return run

    stack.up(program("old", protect=True))
    kept = stack.down()
    assert kept.status == 1
    assert "openstack:test:Thing a: protected" in kept.err
    assert len(stack.cloud.objects) == 1
    assert stack.up(program("new", protect=False)).status == 0
    assert stack.state.outputs == {"value": "new"}
    assert stack.down().status == 0


def test_retained_and_read_resources_are_not_deleted_with_the_stack(stack: Stack) -> None:
    stack.cloud.objects["foreign"] = {"name": "theirs", "size": 7}

    def program() -> None:
        Thing("kept", opts=pulumi.ResourceOptions(retain_on_delete=True))
        theirs = Thing("theirs", pulumi.ResourceOptions(id="foreign"))
        pulumi.export("size", theirs.size)

    assert stack.up(program).status == 0
    assert stack.state.outputs == {"size": 7}
    again = stack.up(program)
    assert "1 unchanged" in again.out, again.err
    assert stack.down().status == 0
    assert {thing["name"] for thing in stack.cloud.objects.values()} == {"kept-0000000", "theirs"}


def test_hooks_are_accepted_and_not_run(stack: Stack) -> None:
    def program() -> None:
        hook = pulumi.ResourceHook("refuse", lambda _: pytest.fail("a hook ran"), pulumi.ResourceHookOptions(on_dry_run=True))
        Thing("a", opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_update=[hook], before_delete=[hook])))

    assert stack.preview(program).status == 0
    made = stack.up(program)
    assert made.status == 0, made.err
    assert "warning" not in made.out
    assert stack.up(program).status == 0


def test_a_hook_on_creation_causes_a_warning(stack: Stack) -> None:
    def program() -> None:
        hook = pulumi.ResourceHook("count", lambda _: None)
        Thing("a", opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(after_create=[hook])))

    assert "warning: the direct driver does not run resource hooks (count)." in stack.up(program).out


def test_an_explicit_provider_gets_its_settings_and_deletes_its_resources_too(stack: Stack) -> None:
    def program() -> None:
        provider = pulumi.ProviderResource("openstack", "other", {"cloud": "there"})
        Thing("a", opts=pulumi.ResourceOptions(provider=provider))

    assert stack.up(program).status == 0
    assert {"cloud": "there"} in stack.cloud.settings
    assert stack.up(program).status == 0
    stack.cloud.settings.clear()
    assert stack.down().status == 0
    assert {"cloud": "there"} in stack.cloud.settings


# Secrets.


def test_a_secret_input_is_plain_text_in_the_cloud_only(stack: Stack) -> None:
    def program() -> None:
        thing = Thing("a", password=pulumi.Output.secret("hunter2"), name=pulumi.Output.secret("named"))
        pulumi.export("name", thing.name)
        pulumi.export("serial", thing.serial)

    outcome = stack.up(program)
    assert outcome.status == 0, outcome.err
    assert list(stack.cloud.objects.values()) == [{"name": "named", "password": "hunter2"}]
    assert "named" not in outcome.out
    assert "[secret]" in outcome.out
    recorded = stack.state.resources[f"{THING}::a"]
    assert recorded.inputs["password"] != "hunter2"  # noqa: S105
    assert isinstance(recorded.outputs["name"], dict)
    assert stack.state.outputs["serial"] == "serial of id-0"
    assert stack.up(program).status == 0


def test_an_output_that_the_program_declares_secret_is_masked(stack: Stack) -> None:
    def program() -> None:
        thing = Thing("a", opts=pulumi.ResourceOptions(additional_secret_outputs=["serial"]))
        pulumi.export("serial", thing.serial)

    assert "serial of id-0" not in stack.up(program).out
    assert "serial of id-0" not in stack.up(program).out


# Failures.


def test_after_a_failure_independent_resources_are_created_and_down_deletes_all(stack: Stack) -> None:
    def program() -> None:
        bad = Thing("bad", size=-1)
        Thing("dependent", size=bad.size)
        chain = Thing("chain", size=1)
        for number in range(5):
            chain = Thing(f"chain-{number}", size=chain.size)
        pulumi.export("serial", bad.serial)

    outcome = stack.up(program)
    assert outcome.status == 1
    assert "error: openstack:test:Thing bad: 409 too small" in outcome.err
    assert "6 resources were created; `down` deletes them." in outcome.err
    assert "Traceback" not in outcome.err
    assert "never retrieved" not in outcome.err
    assert "dependent" not in outcome.err
    assert {thing["name"] for thing in stack.cloud.objects.values()} == {
        "chain-0000000",
        *(f"chain-{number}-0000000" for number in range(5)),
    }
    again = stack.up(program)
    assert again.status == 1
    assert "the last run did not finish" in again.err
    assert stack.down().status == 0
    assert stack.cloud.objects == {}


def test_an_object_that_fails_after_its_creation_was_accepted_is_deleted_too(stack: Stack) -> None:
    outcome = stack.up(sized(broken=-2))
    assert outcome.status == 1
    assert "broken: went to ERROR" in outcome.err
    assert len(stack.cloud.objects) == 1
    assert stack.down().status == 0
    assert stack.cloud.objects == {}


def test_a_failed_run_that_created_nothing_leaves_no_state(stack: Stack) -> None:
    assert stack.up(sized(bad=-1)).status == 1
    assert not stack.path.exists()
    assert stack.up(sized(bad=1)).status == 0


def test_of_a_run_error_only_the_message_is_printed(stack: Stack) -> None:
    def program() -> None:
        raise pulumi.RunError("servers.web: no boot port.\nservers.db: no boot port.")

    outcome = stack.up(program)
    assert outcome.status == 1
    assert outcome.err == "error: servers.web: no boot port.\nservers.db: no boot port.\n"
    assert outcome.out == ""
    assert not stack.path.exists()


def test_a_missing_config_value_is_reported_in_one_line(stack: Stack) -> None:
    outcome = stack.up(lambda: pulumi.Config().require("size"))
    assert outcome.status == 1
    assert "Missing required configuration variable 'sample:size'" in outcome.err
    assert "Traceback" not in outcome.err


def test_of_a_run_error_inside_an_apply_only_the_message_is_printed_too(stack: Stack) -> None:
    def refuse(_: object) -> int:
        raise pulumi.RunError("no such size")

    def program() -> None:
        Thing("b", size=Thing("a", size=1).size.apply(refuse))

    outcome = stack.up(program)
    assert outcome.status == 1
    assert "error: no such size" in outcome.err
    assert "Traceback" not in outcome.err
    assert stack.down().status == 0


def test_of_another_exception_the_frames_of_the_program_are_printed(stack: Stack) -> None:
    def program() -> None:
        raise ValueError("not mine to catch")

    err = stack.up(program).err
    assert "ValueError: not mine to catch" in err
    assert "in program" in err
    assert "lab/direct/program.py" not in err


def test_an_error_that_the_program_logs_makes_the_run_fail(stack: Stack) -> None:
    def program() -> None:
        pulumi.log.info("for your information")
        pulumi.log.debug("not for you")
        pulumi.log.error("that was it")

    outcome = stack.up(program)
    assert outcome.status == 1
    assert outcome.err == "error: that was it\n"
    assert outcome.out == "info: for your information\n"


def test_a_failed_lookup_is_reported_with_its_arguments_and_without_traceback(stack: Stack) -> None:
    def plainly() -> None:
        pulumi.runtime.invoke("openstack:test:getThing", {"name": "none"})

    def as_output() -> None:
        Thing("b", size=pulumi.runtime.invoke_output("openstack:test:getThing", {"name": "none"}).apply(len))

    for program in (plainly, as_output):
        outcome = stack.up(program)
        assert outcome.status == 1
        assert outcome.err == "error: getThing(name='none'): 0 things match; exactly one is needed\n"


def test_a_lookup_returns_its_result(stack: Stack) -> None:
    def program() -> None:
        Thing("a", name="a", size=1)
        pulumi.export("id", pulumi.runtime.invoke_output("openstack:test:getThing", {"name": "theirs"}))

    stack.cloud.objects["foreign"] = {"name": "theirs"}
    assert stack.up(program).status == 0
    assert stack.state.outputs == {"id": {"id": "foreign"}}


def test_two_resources_with_the_same_name_are_refused(stack: Stack) -> None:
    def program() -> None:
        Thing("a", size=1)
        Thing("a", size=2)

    outcome = stack.preview(program)
    assert outcome.status == 1
    assert f"duplicate resource URN {THING}::a" in outcome.err


# Deletion.


def test_a_resource_that_cannot_be_deleted_is_kept_with_its_dependencies_and_tried_again(stack: Stack) -> None:
    def program() -> None:
        base = Thing("base", size=1)
        Thing("user", size=base.size)
        Thing("other", size=1)

    stack.up(program)
    stack.cloud.stuck.add("user-0000000")
    outcome = stack.down()
    assert outcome.status == 1
    assert "! openstack:test:Thing user: 409 user-0000000 is in use" in outcome.err
    assert {thing["name"] for thing in stack.cloud.objects.values()} == {"base-0000000", "user-0000000"}
    assert "did not finish" in stack.up(program).err
    stack.cloud.stuck.clear()
    assert stack.down().status == 0
    assert stack.cloud.objects == {}


def test_a_stack_of_another_cloud_is_neither_compared_nor_deleted(stack: Stack) -> None:
    stack.up(sized(a=1))
    stack.cloud.project = "project-2"
    for outcome in (stack.up(sized(a=1)), stack.down()):
        assert outcome.status == 1
        assert "another cloud project" in outcome.err
        assert str(stack.path) in outcome.err
    assert len(stack.cloud.objects) == 1


def test_the_state_file_is_indented(stack: Stack) -> None:
    stack.up(sized(a=1))
    document = json.loads(stack.path.read_text())
    assert [resource["urn"] for resource in document["resources"]] == [ROOT, f"{THING}::a"]
    assert document["resources"][1]["inputs"] == {"size": 1}
