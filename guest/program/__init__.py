"""Policy routing in the guest: every address of the server answers through its own port, and through no other.

The package runs on the server as `policy_routing`, unpacked from user data, with nothing but Python's standard library from
3.6 on. So its modules import each other relatively, and annotations that an old Python cannot evaluate stand in quotes.

The way through it: `inputs` (plan, metadata, leases) and `kernel` (a snapshot over rtnetlink) say what there is; `desired` says
what should be; `operations` is the difference, in an order that is safe after each step; `apply` writes it; `watch` does so
whenever something changes; `report` says all this to people. `main` has the command line.
"""
