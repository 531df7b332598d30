"""What identifies a change: two previews have one digest only if they deploy the same bytes. This is the one place that makes it.

What goes into it:
- the report: everything that a reader is shown, the diagram and the full diff among it;
- of the engine's plan (`pulumi preview --save-plan --show-secrets`) every resource that changes: its type, its options, and each
  input and output that comes, goes or changes, secrets among them, beside its old id and its old inputs from the state;
- the user data of each server of which the engine says nothing yet, as `multiport.review.rendered` renders it from the
  configuration with its secrets.

Secrets make it a keyed hash (HMAC-SHA-256): whoever reads the digest could else try values until one fits. Ids and addresses that
only the update will know are not in it; content that only the update will know is refused, see `unreviewable`.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from multiport.review.preview import UNKNOWN, Finding, Preview, Step
from multiport.review.redaction import decrypted, is_encrypted
from multiport.review.topology import SERVER

KEY: Final = "MULTIPORT_REVIEW_KEY"
"""Environment variable with the key of the digest. Default: made of the passphrase of the stack's secrets."""

POLICY: Final = "reviewable"
"""Name under which is refused what no reader can review."""

_COMPONENT: Final = "multiport:index:MultiPortInstance"
# A server's content, and the component's input that tells all of it that the engine cannot know before the update.
_CONTENT: Final = {"userData": "cloudConfig", "metadata": "metadata"}
_SEPARATE: Final = "multiport review"


def key_of(environment: Mapping[str, str]) -> str | None:
    """What the digest's key is made of; None if the environment has nothing of the kind."""
    if environment.get(KEY):
        return environment[KEY]
    if environment.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return Path(environment["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text().strip()
    passphrase = environment.get("PULUMI_CONFIG_PASSPHRASE")
    # an empty passphrase protects nothing, unless it is what the stack's secrets are encrypted with
    return None if not passphrase and environment.get("PULUMI_ACCESS_TOKEN") else passphrase


def digest(report: str) -> str:
    """The digest of a report as JSON, in which `deployed` stands: 64 hexadecimal digits."""
    return hashlib.sha256(report.encode()).hexdigest()


def deployed(
    plan: Mapping[str, Any], state: Mapping[str, Any], rendered: Mapping[str, str], stack: tuple[str, str], key: str | None
) -> str:
    """A keyed hash of all that an update would deploy.

    Args:
        plan: What `--save-plan` wrote with `--show-secrets`.
        state: What `pulumi stack export --show-secrets` printed; empty for a stack that has none.
        rendered: User data of which the engine says nothing yet, by server, with its secrets.
        stack: Project and stack.
        key: From `key_of`; None is only right for a plan without secrets, see `unreviewable`.
    """
    old = {each["urn"]: each for each in (state.get("deployment") or {}).get("resources") or ()}
    content = {
        "stack": stack,
        "resources": {
            urn: made for urn, each in sorted(plan["resourcePlans"].items()) if (made := _planned(each, old.get(urn, {})))
        },
        "userData": dict(sorted(rendered.items())),
    }
    text = json.dumps(content, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return hmac.new(_stretched(key or "", *stack), text.encode(), hashlib.sha256).hexdigest()


@cache
def _stretched(key: str, project: str, stack: str) -> bytes:
    """The key made slow to guess, should it be a passphrase, and another one for each stack."""
    return hashlib.scrypt(key.encode(), salt=f"{_SEPARATE}\0{project}\0{stack}".encode(), n=1 << 14, r=8, p=1)


def unreviewable(preview: Preview, plan: Mapping[str, Any], rendered: Mapping[str, str], key: str | None) -> Iterator[Finding]:
    """What the digest cannot cover, as findings that stop the update."""
    if key is None and _has_secret(plan["resourcePlans"]):
        yield _finding(
            "This change holds secrets, and there is no key to put them into the digest with: two changes that differ in a "
            f"secret would have one comment. Fix: give preview and update the same {KEY}, a random text of 32 characters.",
            "",
        )
    refused = preview.failed or any(finding.mandatory for finding in preview.findings)  # the engine then saves no plan
    if not refused and not plan["resourcePlans"] and any(step.deployed for step in preview.changed()):
        yield _finding("The engine saved no plan, so nobody can say what would be deployed. Fix: look at the preview's log.", "")
    for step in preview.of(SERVER):
        if step.op not in ("create", "replace", "update"):
            continue
        component = preview.steps.get(step.parent)
        for name, source in _CONTENT.items():
            if step.new.inputs.get(name) is UNKNOWN and not _covered(name, source, component, rendered):
                yield _finding(
                    f"`{name}` of this server is known only after the update, so nobody can review what its guest will be told. "
                    "Fix: make it of values that a preview knows; where it waits for a port's MAC address, pin `mac_address`.",
                    step.urn,
                )


def _covered(name: str, source: str, component: Step | None, rendered: Mapping[str, str]) -> bool:
    """Whether all of a server's content is known already but for ours, which is of this checkout and is reviewed as code."""
    if component is None or component.kind != _COMPONENT:
        return False
    return not _unknown(component.new.inputs.get(source)) or (name == "userData" and component.name in rendered)


def _unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_unknown, value.values()))
    return value is UNKNOWN


def _planned(plan: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any] | None:
    """What of a resource's plan and of its state says what becomes of it; None if nothing does."""
    goal = plan.get("goal") or {}
    diffs = [goal.get(each) or {} for each in ("inputDiff", "outputDiff")]
    if plan.get("steps") == ["same"] and not any(diffs) and bool(goal.get("protect")) == bool(old.get("protect")):
        return None
    return {
        "steps": plan.get("steps"),
        "goal": {name: _ordered(name, decrypted(value)) for name, value in goal.items()},
        "id": old.get("id"),
        "inputs": decrypted(old.get("inputs") or {}),
    }


def _ordered(name: str, value: Any) -> Any:
    """The value with its sets in one order: the engine writes them in the order in which the program happened to run."""
    if name == "propertyDependencies":
        return {key: sorted(urns or ()) for key, urns in (value or {}).items()}
    return sorted(value) if name in ("dependencies", "additionalSecretOutputs") and value else value


def _has_secret(value: Any) -> bool:
    if is_encrypted(value):
        return decrypted(value) is not None
    if isinstance(value, dict):
        return any(map(_has_secret, value.values()))
    return isinstance(value, list) and any(map(_has_secret, value))


def _finding(message: str, urn: str) -> Finding:
    return Finding(POLICY, mandatory=True, message=message, urn=urn)
