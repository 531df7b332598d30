"""ML2 mechanism driver that binds every port to the lab's host at once, without an agent."""

from __future__ import annotations

from neutron.objects import router
from neutron_lib import constants
from neutron_lib.api.definitions import portbindings
from neutron_lib.callbacks import events, registry, resources
from neutron_lib.plugins.ml2 import api


class PortBindingDriver(api.MechanismDriver):
    """Sets ports with a host to ACTIVE, and floating IPs to ACTIVE while they are associated, as OVN does."""

    def initialize(self):
        """Subscribe to changes of floating IPs: without an L3 agent nothing else sets their status."""
        registry.subscribe(_set_status, resources.FLOATING_IP, events.PRECOMMIT_CREATE)
        registry.subscribe(_set_status, resources.FLOATING_IP, events.PRECOMMIT_UPDATE)

    def bind_port(self, context):
        """Bind a port to the first segment of its network."""
        segment = context.segments_to_bind[0]
        context.set_binding(
            segment[api.ID],
            portbindings.VIF_TYPE_OVS,
            {portbindings.CAP_PORT_FILTER: True, portbindings.OVS_HYBRID_PLUG: False},
            status=constants.PORT_STATUS_ACTIVE,
        )


def _set_status(_resource, _event, _trigger, payload):
    floating_ip = payload.desired_state
    status = constants.FLOATINGIP_STATUS_ACTIVE if floating_ip.fixed_port_id else constants.FLOATINGIP_STATUS_DOWN
    router.FloatingIP.update_objects(payload.context, {"status": status}, id=floating_ip.id)
