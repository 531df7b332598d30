"""Project and stack files result in the same configuration as with the CLI."""

from pathlib import Path

import pytest

from lab.direct.errors import DirectError, NeedsCliError
from lab.direct.project import Project, load

PROJECT = """
name: shop
runtime: {name: python}
stackConfigDir: stacks
config:
  openstack:maxRetries: {value: 3}
  openstack:cloud: local
  shop:size: {type: integer, default: 2}
  flavor: {type: string}
  tags: {type: array, items: {type: string}, default: [a]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "Pulumi.yaml").write_text(PROJECT)
    return tmp_path


def stacked(folder: Path, text: str) -> Project:
    (folder / "stacks" / "Pulumi.one.yaml").write_text(text)
    return load(folder, "one")


def test_values_defaults_and_provider_settings_are_merged_into_texts(folder: Path) -> None:
    project = stacked(
        folder,
        "config: {flavor: small, openstack:maxRetries: 5, "
        "'shop:servers': {web: {ports: 2, on: yes, mac: 00:11:22:33:44:55, up: true}}}",
    )
    assert project.config() == {
        "openstack:maxRetries": "5",
        "openstack:cloud": "local",
        "shop:size": "2",
        "shop:flavor": "small",
        "shop:tags": '["a"]',
        "shop:servers": '{"web": {"ports": 2, "on": "yes", "mac": "00:11:22:33:44:55", "up": true}}',
    }
    assert project.provider_config() == {"maxRetries": 5, "cloud": "local"}


def test_a_number_may_be_a_text_as_pulumi_config_set_writes_it(folder: Path) -> None:
    assert stacked(folder, "config: {flavor: small, 'shop:size': '7'}").config()["shop:size"] == "7"


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("config: {}", DirectError, "stack one has no value for shop:flavor"),
        ("config: {flavor: small, 'shop:size': many}", DirectError, "shop:size is not of type integer"),
        ("config: {flavor: small, 'shop:size': true}", DirectError, "shop:size is not of type integer"),
        ("config: {flavor: small, tags: {a: 1}}", DirectError, "shop:tags is not of type array"),
        ("config: {flavor: {secure: v1:abc}}", NeedsCliError, "shop:flavor has an encrypted value"),
        ("config: {flavor: small, 'shop:x': {a: [{secure: v1:abc}]}}", NeedsCliError, "shop:x has an encrypted value"),
        ("environment: [prod]\nconfig: {flavor: small}", NeedsCliError, "ESC environment"),
        ("config: [", DirectError, "is not valid YAML"),
        ("- a", DirectError, "is not a YAML mapping"),
        ("config: [flavor]", DirectError, "config is not a YAML mapping"),
    ],
)
def test_an_invalid_configuration_is_reported_in_one_line(folder: Path, text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        stacked(folder, text).config()


def test_the_error_for_a_misspelt_stack_lists_the_stacks(folder: Path) -> None:
    stacked(folder, "config: {flavor: small}")
    with pytest.raises(DirectError, match=r"there is no stack tow in .*/stacks; the stacks are one"):
        load(folder, "tow")


def test_a_project_without_a_stack_file_has_its_defaults(folder: Path) -> None:
    assert load(folder, "one").configured == {}


def test_no_project_and_other_languages_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DirectError, match=r"there is no Pulumi\.yaml"):
        load(tmp_path, "one")
    (tmp_path / "Pulumi.yaml").write_text("runtime: python\n")
    with pytest.raises(DirectError, match="has no project name"):
        load(tmp_path, "one")
    (tmp_path / "Pulumi.yaml").write_text("name: a\nruntime: yaml\n")
    with pytest.raises(NeedsCliError, match="runtime 'yaml': this needs the Pulumi CLI"):
        load(tmp_path, "one")
