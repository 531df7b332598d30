"""A server with several ports that answers on every one of them."""

import pulumi

from multiport.components import checks, two_steps
from multiport.components.arguments import MultiPortInstanceArgs
from multiport.components.floating_ips import FloatingIps
from multiport.components.identity import boot_order
from multiport.components.instance.floating_ips import floating_ip_targets
from multiport.components.instance.guest import guest_texts
from multiport.components.instance.outputs import PortState, port_states
from multiport.components.instance.ports import create_port, declared
from multiport.components.instance.server import attach_hot_port, create_server
from multiport.components.topology import DEFAULT_EXTERNAL_NETWORK


class MultiPortInstance(pulumi.ComponentResource):
    """Server, boot ports, hot-attached ports, floating IPs, and the user data that makes every address answer.

    User data replaces a server, so it holds only what Nova fixes at creation: the boot ports' slots and MAC addresses and the
    user's own cloud-config. Everything that may change while the server lives goes into its metadata.
    """

    server_id: pulumi.Output[str]
    """Nova's id of the server."""
    ports: pulumi.Output[dict[str, PortState]]
    """What became of each port, by your keys."""
    user_data: pulumi.Output[str]
    """The user data as rendered now; with guest_update keep, what the next server will get."""
    user_data_sha256: pulumi.Output[str]
    """SHA-256 of user_data."""
    guest_update_pending: pulumi.Output[bool]
    """Whether the living server was created with other user data."""
    metadata: pulumi.Output[dict[str, str]]
    """The server's metadata, ours and yours."""

    def __init__(self, name: str, args: MultiPortInstanceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Create the server.

        Raises:
            ConfigError: a value makes no sense, the user data is too big, or two ports derive the same slot; raised before any
                call to the cloud.
        """
        args = checks.read(f"MultiPortInstance {name}", args, MultiPortInstanceArgs)
        checks.raise_if(checks.check_instance(f"MultiPortInstance {name}", args))
        args = {**args, "ports": dict(sorted(args["ports"].items()))}
        super().__init__(
            "multiport:index:MultiPortInstance",
            name,
            {
                "declared": {key: declared(port) for key, port in args["ports"].items()},
                # the user's own part of what the guest gets: a preview knows it even where it does not know the whole
                "cloudConfig": args.get("cloud_config"),
                "metadata": args.get("metadata"),
            },
            two_steps.guarded(name, opts, two_steps.port_faults),
        )
        created = {key: create_port(self, name, key, args) for key in args["ports"]}
        ports = [*created.values()]
        boot = [created[key] for key in boot_order(args["ports"], args.get("primary_port"))]
        hot = [port for port in ports if port.args.get("hot", False)]

        texts = guest_texts(args, boot, ports)
        server = create_server(self, name, args, boot, texts)
        attachments = [attach_hot_port(self, name, server, port) for port in hot]

        external_network = args.get("external_network", DEFAULT_EXTERNAL_NETWORK)
        targets = floating_ip_targets(ports, external_network, [server.id, *(attachment.id for attachment in attachments)])
        floating: pulumi.Output[dict[str, str]] = pulumi.Output.from_input({})
        if targets:
            floating = FloatingIps(name, {"addresses": targets}, pulumi.ResourceOptions(parent=self)).addresses

        self.server_id = server.id
        self.ports = port_states(ports, floating)
        self.user_data = texts.user_data
        self.user_data_sha256 = texts.user_data_sha256
        self.guest_update_pending = texts.update_pending(server.user_data)
        self.metadata = texts.metadata
        self.register_outputs(
            {
                "serverId": self.server_id,
                "ports": self.ports,
                "userData": self.user_data,
                "userDataSha256": self.user_data_sha256,
                "guestUpdatePending": self.guest_update_pending,
                "metadata": self.metadata,
            }
        )
