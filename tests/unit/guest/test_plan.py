from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multiport.guest import plan as numbers
from multiport.guest.errors import GuestError
from multiport.guest.plan import BootPort, RoutingPlan, plan_text, priorities, table, unicast_mac

MACS = (
    st.integers(1, 2**48 - 1)
    .filter(lambda n: not n >> 40 & 1)
    .map(lambda n: ":".join(f"{n:012x}"[i : i + 2] for i in range(0, 12, 2)))
)


def test_no_slot_reaches_numbers_of_others() -> None:
    slots = range(1, numbers.SLOT_MAX + 1)
    owned = [number for slot in slots for number in priorities(slot)]
    assert len(owned) == len(set(owned))
    assert min(owned) > 10000, "amazon-ec2-net-utils' rules"
    assert max(owned) < 30200, "nm-cloud-setup's rules"
    assert {table(slot) for slot in slots}.isdisjoint({0, 253, 254, 255})
    assert len({table(slot) for slot in slots}) == numbers.SLOT_MAX


def test_plan_text() -> None:
    ports = (BootPort(212, "FA:16:3E:00:00:02"), BootPort(37, "fa:16:3e:00:00:01", primary=True))
    assert plan_text(RoutingPlan(ports)) == "multiport-plan 1\nport 37 fa:16:3e:00:00:01 primary\nport 212 fa:16:3e:00:00:02\n"


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.tuples(st.integers(1, numbers.SLOT_MAX), MACS), min_size=1, unique_by=(lambda port: port[0], lambda port: port[1])
    ),
    st.randoms(),
)
def test_order_of_ports_means_nothing(ports: list[tuple[int, str]], random: Random) -> None:
    boot = [BootPort(slot, mac, primary=index == 0) for index, (slot, mac) in enumerate(ports)]
    plan = RoutingPlan(tuple(random.sample(boot, len(boot))))
    assert plan == RoutingPlan(tuple(boot))
    text = plan_text(plan)
    assert text.isascii()
    header, *lines = text.splitlines()
    assert header == "multiport-plan 1"
    assert [line.split()[1:3] for line in lines] == [[str(slot), mac] for slot, mac in sorted(ports)]
    assert sum(line.endswith(" primary") for line in lines) == 1


@settings(deadline=None, max_examples=40)
@given(MACS)
def test_mac_is_kept_in_lower_case(mac: str) -> None:
    assert unicast_mac("x", mac.upper()) == mac


@pytest.mark.parametrize(
    "mac",
    [
        "",
        "fa:16:3e:00:00",
        "fa:16:3e:00:00:01:02",
        "fa-16-3e-00-00-01",
        "fa163e000001",
        "fa:16:3e:00:00:0g",
        "fa:16:3e:00:00:01\n",
        " fa:16:3e:00:00:01",
        "fa:16:3e:00:00:\u0661\u0661",
        "00:00:00:00:00:00",
        "ff:ff:ff:ff:ff:ff",
        "33:33:00:00:00:01",
    ],
)
def test_no_mac_of_an_interface(mac: str) -> None:
    with pytest.raises(GuestError, match="MAC address"):
        BootPort(1, mac, primary=True)


@pytest.mark.parametrize("slot", [0, -1, 512, 21005, True, 1.0, "1", "1\n"])
def test_no_slot(slot: int) -> None:
    with pytest.raises(GuestError, match="whole number from 1 to 511"):
        BootPort(slot, "fa:16:3e:00:00:01")


@pytest.mark.parametrize(
    ("ports", "problem"),
    [
        ((), "0 of 0 boot ports are primary"),
        ((BootPort(1, "fa:16:3e:00:00:01"),), "0 of 1 boot ports are primary"),
        ((BootPort(1, "fa:16:3e:00:00:01", primary=True), BootPort(2, "fa:16:3e:00:00:02", primary=True)), "2 of 2 boot ports"),
        ((BootPort(1, "fa:16:3e:00:00:01", primary=True), BootPort(1, "fa:16:3e:00:00:02")), "two boot ports have slot 1"),
        (
            (BootPort(1, "fa:16:3e:00:00:01", primary=True), BootPort(2, "FA:16:3e:00:00:01")),
            "two boot ports have the MAC address",
        ),
    ],
)
def test_no_plan(ports: tuple[BootPort, ...], problem: str) -> None:
    with pytest.raises(GuestError) as error:
        RoutingPlan(ports)
    assert error.value.key == "ports"
    assert problem in error.value.problem
    assert str(error.value) == f"ports: {error.value.problem}. {error.value.remedy}."
