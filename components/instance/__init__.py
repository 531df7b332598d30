"""The jobs of `MultiPortInstance`: its ports, its server, its floating IPs, what its guest is told, and its outputs."""
