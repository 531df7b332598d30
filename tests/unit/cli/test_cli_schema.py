"""`multiport schema`: what an editor needs for the stack files of any project."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from multiport.cli.main import main
from tests.unit.cli.conftest import NETWORKS, SERVERS, Write


def judged(folder: Path, schema: str, config: dict[str, Any]) -> bool:
    """Whether the schema passes a stack file of the project shop."""
    (folder / "schema.json").write_text(schema)
    (folder / "stack.yaml").write_text(yaml.safe_dump({"config": {f"shop:{key}": value for key, value in config.items()}}))
    command = [sys.executable, "-m", "check_jsonschema", "--schemafile", "schema.json", "stack.yaml"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


def test_keys_have_the_projects_prefix(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project = write({}).parent
    right = {"networks": NETWORKS, "servers": SERVERS, "domain": "shop.example"}  # Pulumi.yaml declares the last one
    assert main(["schema", "--project", str(project)]) == 0
    schema = capsys.readouterr().out
    assert judged(tmp_path, schema, right)
    assert not judged(tmp_path, schema, {**right, "netwroks": NETWORKS})
    assert not judged(tmp_path, schema, {**right, "owner": "us"})
    assert main(["schema", "--project", str(project), "--own-key", "owner"]) == 0
    assert judged(tmp_path, capsys.readouterr().out, {**right, "owner": "us"})


def test_the_projects_own_schema_is_the_one_in_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[3]
    assert main(["schema", "--project", str(root)]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((root / "docs" / "reference" / "stack.schema.json").read_text())
