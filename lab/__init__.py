"""The local cloud: the real OpenStack services (Keystone, Glance, Placement, Neutron, Nova) on the loopback interface.

It has two modes. In the mode `api` it needs no root and transports no packets; in the mode `packets` (`lab.packets`) it boots
guests and has a data plane. The modules of this folder need nothing but Python's standard library. Everything that imports
OpenStack is in `lab.services` and runs in the lab's own virtual environment.
"""
