"""How policy routing is started while a server boots for the first time: shell text for cloud-init's bootcmd and runcmd."""

from typing import Final

from multiport.guest.files import CHECK_TIMER, PLAN_PATH, SCRIPT_PATH, SERVICE

_UNITS = f"{SERVICE} {CHECK_TIMER}"

# The plan goes first: in a server made from another one's snapshot the old one would be taken for the one to come.
# The description is given because the default is the command, whose further lines systemd complains about (measured: 252).
# Without DefaultDependencies=no the unit waits for sysinit.target, which waits for this very stage of cloud-init to end.
# The program runs under the Python that cloud-init runs under; Enterprise Linux 8 has no other name for it than the one here.
# The first apply does not wait for systemd to read the units, which it does once and not twice (measured in a slow guest: 18 s).
BOOTCMD: Final = f"""\
# cloud-init runs bootcmd before write_files and runcmd only in its last stage (measured: 18 s later). So leave a unit
# behind that waits for the plan, the last of our files, and then starts policy routing. Once per server.
cloud-init-per instance policy-routing sh -c '
  rm -f {PLAN_PATH}
  systemd-run --no-block --collect --unit=policy-routing-first-boot --description="Start of policy routing" \\
    --property=DefaultDependencies=no --property=RuntimeMaxSec=900 sh -c "
      until test -s {PLAN_PATH}; do sleep 0.1; done
      test -x /usr/bin/python3 || sed -i 1s,/usr/bin/python3,/usr/libexec/platform-python, {SCRIPT_PATH}
      {SCRIPT_PATH} apply
      systemctl enable --no-reload {_UNITS}
      systemctl daemon-reload
      systemctl restart --no-block {_UNITS}"'
"""
"""Starts policy routing as soon as its files are there."""

RUNCMD: Final = f"""\
# Fallback: nothing happens here if the unit that bootcmd left behind has done its work.
{SCRIPT_PATH} apply
systemctl daemon-reload
systemctl enable {_UNITS}
systemctl start --no-block {_UNITS}
"""
"""Starts policy routing in cloud-init's last stage, should it not run yet."""
