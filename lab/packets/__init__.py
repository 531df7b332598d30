"""The mode of the local cloud with packets: Nova's libvirt driver, QEMU guests and OVN on the userspace datapath, in namespaces.

It needs root. It installs nothing on the machine, starts nothing through the machine's init, and changes nothing in the machine's
network namespace: the packages are in an overlay layer that only the lab's mount namespace sees, and everything that transports
packets runs in unnamed network namespaces, which the kernel removes with the last process in them.
"""
