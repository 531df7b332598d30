"""The program's own modules are found, and the package beside them."""

from pathlib import Path

import components.sizes

import guest
import multiport
from multiport.guest.slots import derived_slot


def test_each_name_leads_to_its_own_module() -> None:
    here = Path(__file__).resolve().parent.parent
    assert Path(components.sizes.__file__) == here / "components" / "sizes.py"
    assert Path(guest.__file__) == here / "guest.py"
    assert guest.greeting("a") == "Welcome to a"
    assert here not in Path(multiport.__file__).resolve().parents
    assert derived_slot("a") == 366
