"""The Nova server, what it boots from, and the ports that are attached while it runs."""

from collections.abc import Sequence

import pulumi
import pulumi_openstack as openstack

from multiport.components import lookups, naming, two_steps
from multiport.components.arguments import MultiPortInstanceArgs
from multiport.components.instance.derived import ready
from multiport.components.instance.guest import GuestTexts
from multiport.components.instance.ports import CreatedPort, former_names
from multiport.components.ordering import after
from multiport.components.topology import BootVolumeArgs


def create_server(
    parent: pulumi.Resource, name: str, args: MultiPortInstanceArgs, boot: Sequence[CreatedPort], texts: GuestTexts
) -> openstack.compute.Instance:
    """Create the server.

    Args:
        parent: The component.
        name: The component's name.
        args: The server as it was asked for.
        boot: Its boot ports in the order in which Nova gets them.
        texts: Its user data and metadata.
    """
    keep = args.get("guest_update", "replace") == "keep"
    volume = args.get("boot_volume")
    group = args.get("server_group_id")
    return openstack.compute.Instance(
        f"{name}-server",
        name=args.get("name", naming.display_name(name)),
        flavor_name=args["flavor"],
        image_name=args.get("image") if volume is None else None,
        image_id=args.get("image_id") if volume is None else None,
        block_devices=None if volume is None else [_boot_volume(parent, args, volume)],
        networks=[openstack.compute.InstanceNetworkArgs(port=port.resource.id) for port in boot],
        config_drive=args.get("config_drive", True),
        user_data=texts.user_data.apply(lambda text: text or None),
        key_pair=args.get("key_pair"),
        availability_zone=args.get("availability_zone"),
        scheduler_hints=None if group is None else [openstack.compute.InstanceSchedulerHintArgs(group=group)],
        # host routes reach a guest at its first boot only if they are there before it
        metadata=after(texts.metadata, *(ready(port["network"]) for port in args["ports"].values())),
        tags=sorted({*naming.tags(name), *args.get("tags", [])}),
        opts=pulumi.ResourceOptions(
            parent=parent,
            delete_before_replace=True,  # else 409 "Port is still in use" (measured)
            ignore_changes=["user_data"] if keep else None,
            replacement_trigger=args.get("guest_generation", 0) if keep else None,
            protect=args.get("protect"),
            # Nova would refuse a new server with an unknown image, flavor or key pair when the old one is gone
            hooks=lookups.before_server(name, two_steps.declared_at(name, two_steps.port_faults), parent),
        ),
    )


def attach_hot_port(
    parent: pulumi.Resource, name: str, server: openstack.compute.Instance, port: CreatedPort
) -> openstack.compute.InterfaceAttach:
    """Attach a hot port to the running server."""
    return openstack.compute.InterfaceAttach(
        f"{name}-{port.key}",
        instance_id=server.id,
        port_id=port.resource.id,
        opts=pulumi.ResourceOptions(parent=parent, aliases=former_names(name, port.args)),
    )


def _boot_volume(
    parent: pulumi.Resource, args: MultiPortInstanceArgs, volume: BootVolumeArgs
) -> openstack.compute.InstanceBlockDeviceArgs:
    image_id = args.get("image_id")
    if image_id is None:
        image_id = openstack.images.get_image_output(
            name=args["image"], most_recent=True, opts=pulumi.InvokeOptions(parent=parent)
        ).id
    return openstack.compute.InstanceBlockDeviceArgs(
        uuid=image_id,
        source_type="image",
        destination_type="volume",
        boot_index=0,
        volume_size=volume["size"],
        volume_type=volume.get("volume_type"),
        delete_on_termination=volume.get("delete_on_termination", True),
    )
