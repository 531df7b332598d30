"""Computes the digest that identifies a change: two previews have the same digest only if they deploy the same bytes.

The digest covers:
- the report: everything that a reader is shown, including the diagram and the full diff;
- every resource that changes in the engine's plan (`pulumi preview --save-plan --show-secrets`): its type, its options, each
  input and output that is added, removed or changed, including secrets, and its old id and old inputs from the state;
- the user data of each server that the engine does not know yet, as `multiport.review.rendered` renders it from the
  configuration with its secrets.

Because of the secrets it is a keyed hash (HMAC-SHA-256): otherwise, whoever reads the digest could try values until one fits. Ids
and addresses that are known only after the update are not covered; other content of that kind is refused, see `unreviewable`.
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
"""Environment variable with the key of the digest. Default: the passphrase of the stack's secrets."""

POLICY: Final = "reviewable"
"""Name of the policy that refuses changes that nobody can review."""

_COMPONENT: Final = "multiport:index:MultiPortInstance"
# Inputs of a server that the engine may know only after the update, and the component's inputs that determine them.
_CONTENT: Final = {"userData": "cloudConfig", "metadata": "metadata"}
_SEPARATE: Final = "multiport review"


def key_of(environment: Mapping[str, str]) -> str | None:
    """Return the text from which the digest's key is derived; None if the environment has none."""
    if environment.get(KEY):
        return environment[KEY]
    if environment.get("PULUMI_CONFIG_PASSPHRASE_FILE"):
        return Path(environment["PULUMI_CONFIG_PASSPHRASE_FILE"]).read_text().strip()
    passphrase = environment.get("PULUMI_CONFIG_PASSPHRASE")
    # an empty passphrase protects nothing, unless it is what the stack's secrets are encrypted with
    return None if not passphrase and environment.get("PULUMI_ACCESS_TOKEN") else passphrase


def digest(report: str) -> str:
    """Return the digest of a report in JSON that contains the result of `deployed`: 64 hexadecimal digits."""
    return hashlib.sha256(report.encode()).hexdigest()


def deployed(
    plan: Mapping[str, Any], state: Mapping[str, Any], rendered: Mapping[str, str], stack: tuple[str, str], key: str | None
) -> str:
    """Return a keyed hash of all that an update would deploy.

    Args:
        plan: The plan that `--save-plan` wrote with `--show-secrets`.
        state: The output of `pulumi stack export --show-secrets`; empty for a stack without a state.
        rendered: User data that the engine does not know yet, by server, with its secrets.
        stack: Project and stack.
        key: The result of `key_of`; None is valid only for a plan without secrets, see `unreviewable`.
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
    """Derive the key of a stack with scrypt, which makes guessing slow if the key is a passphrase."""
    return hashlib.scrypt(key.encode(), salt=f"{_SEPARATE}\0{project}\0{stack}".encode(), n=1 << 14, r=8, p=1)


def unreviewable(preview: Preview, plan: Mapping[str, Any], rendered: Mapping[str, str], key: str | None) -> Iterator[Finding]:
    """Yield findings, which stop the update, for content that the digest cannot cover."""
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
    """Return whether all content is known except the part that this package renders, which is reviewed as code."""
    if component is None or component.kind != _COMPONENT:
        return False
    return not _unknown(component.new.inputs.get(source)) or (name == "userData" and component.name in rendered)


def _unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_unknown, value.values()))
    return value is UNKNOWN


def _planned(plan: Mapping[str, Any], old: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the parts of a resource's plan and state that determine the change; None if the resource does not change."""
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
    """Sort the sets in a value, because the engine writes them in the order in which the program happened to run."""
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
