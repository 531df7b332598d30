# ruff: noqa: ARG002, PLR0917 - the signatures are those of Nova's drivers
"""Nova's fake hypervisor, extended: it keeps its servers over restarts and builds Nova's config drives."""

from __future__ import annotations

from nova.compute import vm_states
from nova.virt import fake

from lab.services import config_drive
from lab.settings import from_environment


class LabDriver(fake.FakeDriverWithoutFakeNodes):
    """Servers without a guest. Unlike FakeDriver's, the compute node keeps its UUID over restarts."""

    def __init__(self, virtapi, read_only=False):
        super().__init__(virtapi, read_only)
        self._drives = from_environment().config_drives

    def process_instances_at_startup(self, context, instances):
        """Add the servers that run here according to Nova's database."""
        for instance in instances:
            if instance.vm_state not in (vm_states.DELETED, vm_states.BUILDING, vm_states.ERROR):
                self.instances[instance.uuid] = fake.FakeInstance(instance.name, instance.power_state, instance.uuid)
                self._interfaces |= {vif["id"]: vif for vif in instance.get_network_info()}
        return instances

    def spawn(
        self,
        context,
        instance,
        image_meta,
        injected_files,
        admin_password,
        allocations,
        network_info=None,
        block_device_info=None,
        power_on=True,
        accel_info=None,
    ):
        """Start a server and build its config drive. As with libvirt, a resize or a reboot keeps the drive."""
        super().spawn(
            context,
            instance,
            image_meta,
            injected_files,
            admin_password,
            allocations,
            network_info,
            block_device_info,
            power_on,
            accel_info,
        )
        if network_info is not None:  # finish_migration passes none
            config_drive.build(self._drives / instance.uuid, instance, injected_files, admin_password, network_info)

    def destroy(self, context, instance, network_info, block_device_info=None, destroy_disks=True, destroy_secrets=True):
        """Remove a server with its interfaces, so that its ports can be attached to another one."""
        super().destroy(context, instance, network_info, block_device_info, destroy_disks, destroy_secrets)
        for vif in network_info or ():
            self._interfaces.pop(vif["id"], None)
        if destroy_disks:
            config_drive.remove(self._drives / instance.uuid)

    def attach_interface(self, context, instance, image_meta, vif):
        """Attach a port. Nova and Neutron have checked that it is free."""
        self._interfaces[vif["id"]] = vif

    def detach_interface(self, context, instance, vif):
        """Detach a port."""
        self._interfaces.pop(vif["id"], None)

    def get_console_output(self, context, instance):
        """Return a text that explains why there is no console output."""
        return (
            "This server has no guest: the lab's fake hypervisor boots nothing and transports no packets.\n"
            f"The files that Nova put on its config drive: {self._drives / instance.uuid}\n"
        )
