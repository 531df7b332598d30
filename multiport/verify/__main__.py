"""`python -m multiport.verify <file>`: verify the stack whose outputs, as JSON, are in the file or on standard input (-).

Options come from the environment, as `make verify` has them: SSH_USER, IDENTITY, ECHO_URL, SAMPLE, WAIT, OUTSIDE, FORMAT.
"""

import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from multiport.verify import report
from multiport.verify.plan import PlanError, plan
from multiport.verify.runner import Options, Runner
from multiport.verify.verdict import rows


def main() -> int:
    """Verify; 0 only if something was proved and nothing failed."""
    text = sys.stdin.read() if sys.argv[1:] in ([], ["-"]) else Path(sys.argv[1]).read_text()
    try:
        seconds, wait = (int(os.environ.get(name) or default) for name, default in (("SAMPLE", 60), ("WAIT", 120)))
    except ValueError as error:
        print(f"SAMPLE and WAIT are whole seconds: {error}", file=sys.stderr)
        return 2
    options = Options(
        outside=tuple(shlex.split(os.environ.get("OUTSIDE", ""))),
        identity=os.environ.get("IDENTITY", ""),
        seconds=seconds,
        wait=wait,
    )
    try:
        planned = plan(json.loads(text), os.environ.get("SSH_USER", ""), os.environ.get("ECHO_URL", ""))
    except PlanError as error:
        print(error, file=sys.stderr)
        return 2
    started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    found = []
    if planned.servers:
        with tempfile.TemporaryDirectory(prefix="multiport-verify-") as folder:
            runner = Runner(planned, options, _say, Path(folder) / "known_hosts")
            found = rows(planned, *runner.run())
    facts = {"started": started, "seconds": seconds, "wait": wait}
    as_json = os.environ.get("FORMAT") == "json"
    print(json.dumps(report.document(found, facts), indent=2) if as_json else report.table(found, facts))
    return 0 if report.passed(found) else 1


def _say(line: str) -> None:
    print(f"==> {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
