"""The policy pack: `pulumi preview --policy-pack multiport/policy`."""

import sys
from pathlib import Path

from pulumi_policy import EnforcementLevel, PolicyPack

# The policy engine runs this folder as a program; its modules belong to the package that the folder is.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from multiport.policy.rules import POLICIES

PolicyPack(name="multiport", enforcement_level=EnforcementLevel.MANDATORY, policies=list(POLICIES))
