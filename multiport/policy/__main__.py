"""The policy pack of a checkout: `pulumi preview --policy-pack multiport/policy`."""

import sys
from pathlib import Path

# The policy engine runs this folder as a program, so the folder that contains the package must be on the import path.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from multiport.policy.pack import start

start(Path(__file__).resolve().parent)
