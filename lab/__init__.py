"""A real OpenStack (Keystone, Glance, Placement, Neutron, Nova) on loopback: without root and packets, or with `lab.packets`.

The modules here run on the standard library alone; what imports OpenStack lies in `lab.services` and runs in the lab's own
virtual environment.
"""
