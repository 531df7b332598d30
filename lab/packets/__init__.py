"""The local cloud's second mode: Nova's libvirt driver, QEMU guests and OVN on its userspace datapath, in namespaces.

Root is needed. Nothing is installed on the machine, started by its init or routed in its own network namespace: packages lie in a
layer that only the lab's mount namespace sees, and everything that carries packets runs in network namespaces without a name,
which go with the last process in them.
"""
