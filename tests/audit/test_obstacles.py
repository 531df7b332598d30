"""What would make `destroy` hang is named before it does."""

from multiport.audit.audit import audit
from multiport.audit.obstacles import obstacles
from tests.audit.conftest import Deployed


def test_a_port_that_the_state_does_not_know_is_in_the_way(deployed: Deployed) -> None:
    def named() -> list[str]:
        return list(obstacles(deployed.state, audit(deployed.state, {}, lambda _: None, deployed.api).cloud))

    assert named() == []
    port = deployed.api.network.create_port(network_id=deployed.id("Network", "back"), name="somebody's")
    [told] = named()
    assert port.id in told
    assert "network back" in told
    deployed.api.network.delete_port(port)
    assert named() == []
