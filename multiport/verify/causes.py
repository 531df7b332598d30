"""The known causes of a failure: the meaning of each and its remedy."""

from typing import Final

CAUSES: Final = {
    "no-policy-routing": "the reply leaves by another NIC, where port security drops it, and the guest has no policy routing"
    " for the address. Deploy the server with return_path: policy_routing (the default).",
    "wrong-nic": "the reply leaves by another NIC, where port security drops it, although the guest has rules for the address."
    " On the guest: `policy-routing status`, `policy-routing check`, `ip rule`.",
    "port-security-drop": "request and reply pass the right NIC with the right source address, but the reply does not arrive"
    " here: port security drops it because its MAC or IP address is not the port's, or the route back to this machine is"
    " blocked.",
    "rp-filter": "the guest drops packets that arrive on this NIC: rp_filter is 1 (strict), and the route back uses another"
    " NIC. Deploy the server with return_path: policy_routing (the default), which sets rp_filter to 2 and adds a route back.",
    "guest-silent": "the request arrives but no NIC sends a reply: a firewall in the guest drops it, or there is no route"
    " back. Check both in the guest.",
    "not-wired": "no packet arrives at the port, and none from it gets out: the cloud has not set up the floating IP yet (the"
    " status ACTIVE says nothing about reachability), or the router has no gateway. Wait, then check the router.",
    "nothing-arrives": "no packet arrives at the port, although packets from it get out: its security group allows neither"
    " icmp nor tcp/22 from here, or the cloud has not set up the floating IP yet. Check the rules of the group.",
    "no-icmp-rule": "tcp/22 answers but ping does not: add a rule for icmp from here to the port's security group.",
    "no-tcp-22": "ping answers but tcp/22 does not: add a rule for tcp/22 from here to the port's security group, or start sshd.",
    "login-refused": "tcp/22 answers but the login is refused: set SSH_USER and IDENTITY to a user and key that the server"
    " accepts.",
    "wrong-server": "the floating IP leads to another address or another server than the outputs say: the cloud has a stale"
    " NAT row, or the outputs are older than the last change. Compare with `openstack floating ip list`.",
    "two-default-routes": "only some requests are answered: the guest has default routes on several NICs and no policy"
    " routing, and uses whichever comes first. Deploy the server with return_path: policy_routing (the default).",
    "intermittent": "only some requests are answered although the guest replies correctly: the cloud has stale NAT rows (known"
    " with OVN), or packets are lost on the way. Sample for longer; disassociate the floating IP and associate it again.",
    "no-gateway": "the guest knows no gateway on this NIC: the subnet has none, or the NIC is not configured. Check both.",
    "gateway-silent": "the gateway does not answer the guest on this NIC: the port has lost its binding, port security drops"
    " the guest's ARP requests because their MAC or IP address is not the port's, or the gateway drops icmp. Check them in this"
    " order.",
    "nic-missing": "the guest has no NIC with the port's MAC address: the port is not attached (yet). Check `openstack port"
    " show`.",
    "address-missing": "the NIC does not have the address: DHCP has not answered yet, or additional addresses are not"
    " configured.",
    "wrong-way-out": "the echo service sees another address: the guest or its router sends the packets out by another route.",
    "no-echo": "the echo service could not be reached from this address: packets do not get out by this port, or the service"
    " is down. Try another service with ECHO_URL.",
    "no-login": "no login to the guest was possible, so only the probes from outside were made: set SSH_USER and IDENTITY.",
    "no-capture": "no packets could be captured in the guest: the login needs root or sudo without a password, and the guest"
    " needs tcpdump or Python.",
    "no-holder": "no guest has the virtual address: start keepalived or a similar program, or set `holder`.",
}
