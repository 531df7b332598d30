"""The stack's configuration, built by the components, and exported for people to use."""

import pulumi

from multiport.components.stack import build
from multiport.components.stack_config import is_secret, read_config

for name, value in build(read_config(), secret_cloud_config=is_secret("servers")).items():
    pulumi.export(name, value)
