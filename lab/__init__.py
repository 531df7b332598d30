"""A real OpenStack (Keystone, Glance, Placement, Neutron, Nova) on loopback, without root and without packets.

The modules here run on the standard library alone; what imports OpenStack lies in `lab.services` and runs in the lab's own
virtual environment.
"""
