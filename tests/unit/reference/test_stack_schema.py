"""The JSON Schema of a stack file: it passes what is right, and refuses what it can know to be wrong.

`unknowable.txt` names the fixtures of tests/invalid whose fault no JSON Schema can know: what names what, what overlaps what,
what is inside a text.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiport.components.topology import Topology
from multiport.reference.definitions import records_in
from multiport.reference.stack_schema import OF_USERS, TOGETHER, VALUES, stack_schema
from tests.invalid.test_invalid import CASES, read
from tests.unit.components.configurations import VALID

ROOT = Path(__file__).resolve().parents[3]
STACKS = sorted((ROOT / "stacks").glob("Pulumi.*.yaml"))
SCHEMA = ROOT / "docs" / "reference" / "stack.schema.json"
UNKNOWABLE = set((Path(__file__).parent / "unknowable.txt").read_text().split())


def stack_file(config: Any, project: str = "multiport") -> Any:
    if not isinstance(config, dict):
        return {"config": config}
    return {"config": {f"{project}:{key}": value for key, value in config.items()}}


def refused(files: list[Path], schema: Path = SCHEMA) -> dict[str, str]:
    """Names of the files that check-jsonschema refuses, each with what it says."""
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(schema), "--output-format", "json"]
    answer = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    found = json.loads(answer.stdout)
    assert not found.get("parse_errors")
    return {Path(error["filename"]).name.partition(".json")[0]: error["message"] for error in found["errors"]}


def written(folder: Path, documents: dict[str, Any]) -> list[Path]:
    paths = []
    for name, document in documents.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(document))
        paths.append(path)
    return paths


def test_the_stacks_and_every_valid_configuration_pass(tmp_path: Path) -> None:
    files = written(tmp_path, {name: stack_file(config) for name, config in VALID.items()})
    assert refused([*files, *STACKS]) == {}


def test_what_a_schema_can_know_it_refuses(tmp_path: Path) -> None:
    cases = {path.stem: stack_file(read(path)["config"]) for path in CASES if "config" in read(path)}
    del cases["shape-text-holds-half-a-character"]  # no file in UTF-8 can hold it
    found = refused(written(tmp_path, cases))
    assert cases.keys() - found.keys() == UNKNOWABLE
    assert len(found) > 170


def test_each_stack_names_the_schema_for_editors() -> None:
    for path in STACKS:
        assert path.read_text().splitlines()[0] == "# yaml-language-server: $schema=../docs/reference/stack.schema.json", path


def test_the_keys_of_pulumi_and_of_others_pass(tmp_path: Path) -> None:
    document = {
        "encryptionsalt": "v1:abc",
        "secretsprovider": "passphrase",
        "config": {"openstack:region": "here", "other:servers": 1, "multiport:servers": {"secure": "v1:def"}},
    }
    assert refused(written(tmp_path, {"pulumi": document})) == {}


def test_a_text_may_be_encrypted_and_nothing_else(tmp_path: Path) -> None:
    secret, port = {"secure": "v1:abc"}, {"network": "front"}
    server = {"image": "Debian-12", "flavor": "small", "ports": {"a": port}}
    documents = {
        "text": {**server, "cloud_config": secret},
        "metadata": {**server, "metadata": {"token": secret}},
        "mapping": {**server, "cloud_config": {"secret": "v1:abc"}},
        "number": {**server, "guest_generation": secret},
    }
    files = written(tmp_path, {name: stack_file({"servers": {"web": each}}) for name, each in documents.items()})
    assert refused(files).keys() == {"mapping", "number"}


def test_a_program_may_have_keys_of_its_own(tmp_path: Path) -> None:
    documents = {"own": stack_file({"colour": "red"}, "shop"), "ours": stack_file({"servers": []}, "shop")}
    found = {}
    for own_keys in ((), ("colour",)):
        schema = tmp_path / f"schema-{len(own_keys)}"
        schema.write_text(json.dumps(stack_schema("shop", own_keys)))
        found[own_keys] = refused(written(tmp_path, documents), schema).keys()
    assert found == {(): {"own", "ours"}, ("colour",): {"ours"}}


@pytest.mark.parametrize("config", [{"severs": {}}, {"servers": {"web": {}}}])
def test_a_program_of_another_name_has_the_same_schema_under_its_own(tmp_path: Path, config: dict[str, Any]) -> None:
    schema = tmp_path / "schema"
    schema.write_text(json.dumps(stack_schema("shop")))
    right = stack_file(yaml.safe_load(STACKS[0].read_text())["config"], "x")
    documents = {"right": {"config": {"shop:" + key.split(":")[-1]: value for key, value in right["config"].items()}}}
    documents |= {"wrong": stack_file(config, "shop"), "others": stack_file(config)}
    assert refused(written(tmp_path, documents), schema).keys() == {"wrong"}


def test_the_tables_name_keys_that_there_are() -> None:
    records = {ancestor.__name__: ancestor for record in records_in(Topology) for ancestor in [record, *_bases(record)]}
    for name, key in {*VALUES, *OF_USERS}:
        assert key in records[name].__annotations__, (name, key)
    assert records.keys() >= TOGETHER.keys()


def _bases(record: type) -> list[type]:
    return [base for base in vars(record).get("__orig_bases__", ()) if isinstance(base, type)]
