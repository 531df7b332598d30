import pulumi
import pytest

from multiport.components import naming
from tests.unit.components.deployment import deploy


@pytest.mark.parametrize(
    ("parts", "name"), [(("web",), "test-web"), (("web", "a"), "test-web-a"), (("web", "a", "b"), "test-web-a-b")]
)
def test_a_display_name_begins_with_the_stack(parts: tuple[str, ...], name: str) -> None:
    assert deploy(lambda: pulumi.export("name", naming.display_name(*parts))).exports == {"name": name}


@pytest.mark.parametrize(
    ("project", "stack", "key", "tags"),
    [
        ("multiport", "test", None, ["multiport", "multiport.stack=multiport.test", "multiport.owner=web"]),
        ("p", "prod", "a", ["multiport", "multiport.stack=p.prod", "multiport.owner=web", "multiport.key=a"]),
        ("p" * 50, "prod", None, ["multiport", f"multiport.stack={'p' * 44}", "multiport.owner=web"]),
    ],
)
def test_tags_name_project_and_stack_owner_and_key(project: str, stack: str, key: str | None, tags: list[str]) -> None:
    found = deploy(lambda: pulumi.export("tags", naming.tags("web", key)), project=project, stack=stack).exports["tags"]
    assert found == tags
    assert max(map(len, found)) <= 60
