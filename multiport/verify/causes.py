"""The known causes of a failure: what each means and what to do about it."""

from typing import Final

CAUSES: Final = {
    "no-policy-routing": "the reply leaves by another NIC, where port security drops it, and the guest has no policy routing for"
    " the address. Deploy the server with return_path: policy_routing (the default).",
    "wrong-nic": "the reply leaves by another NIC, where port security drops it, though the guest has rules for the address."
    " On the guest: `policy-routing status`, `policy-routing check`, `ip rule`.",
    "port-security-drop": "request and reply pass the right NIC with the right source, and the reply is lost behind it: port"
    " security drops it (another MAC or address than the port's), or the way back to here is closed.",
    "rp-filter": "the guest drops what arrives on this NIC: rp_filter is 1 (strict), and its way back leads by another NIC."
    " Deploy the server with return_path: policy_routing (the default), which sets 2 and a way back.",
    "guest-silent": "the request arrives and no NIC sends a reply: a firewall in the guest, or no route back.",
    "not-wired": "nothing arrives at the port, and nothing of it gets out: the cloud has not wired the floating IP yet"
    " (ACTIVE says nothing about reachability), or the router has no gateway. Wait, then look at the router.",
    "nothing-arrives": "nothing arrives at the port, while its way out works: its security group lets neither icmp nor tcp/22 in"
    " from here, or the cloud has not wired the floating IP yet.",
    "no-icmp-rule": "tcp/22 answers and ping does not: the port's security group has no rule for icmp from here.",
    "no-tcp-22": "ping answers and tcp/22 does not: the port's security group has no rule for tcp/22 from here, or no sshd runs.",
    "login-refused": "tcp/22 answers and the login is refused: give SSH_USER and IDENTITY of a key that the server knows.",
    "wrong-server": "the floating IP leads to another address or another server than the outputs say: a stale NAT row of the"
    " cloud, or outputs of before the last change.",
    "two-default-routes": "answers come and go: the guest has a default route on several NICs and no policy routing, and answers"
    " by whichever comes first.",
    "intermittent": "answers come and go although the guest does right: stale NAT rows of the cloud (known of OVN), or loss on"
    " the way. Sample for longer; disassociate the floating IP and associate it again.",
    "no-gateway": "the guest knows no gateway on this NIC: the subnet has none, or the NIC is not configured.",
    "gateway-silent": "the gateway does not answer the guest on this NIC: the port has lost its binding, port security drops"
    " the guest's ARP (a MAC or address that is not the port's), or the gateway drops icmp.",
    "nic-missing": "the guest has no NIC with the port's MAC address: not attached, or not yet.",
    "address-missing": "the NIC does not have the address: DHCP has not answered yet, or further addresses are not configured.",
    "wrong-way-out": "the world sees another address: the guest, or its router, sends it out another way.",
    "no-echo": "the echo service was not reached from this address: no way out by this port, or the service is down. Try"
    " another with ECHO_URL.",
    "no-login": "no way into the guest, so that only probes from outside were made: give SSH_USER and IDENTITY.",
    "no-capture": "nothing could be captured in the guest: it takes root or sudo without a password, and tcpdump or Python.",
    "no-holder": "no guest holds the virtual address: keepalived or the like does not run, or `holder` is not set.",
}
