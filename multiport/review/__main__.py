"""`python -m multiport.review`: turn a preview into Markdown, JSON or a terminal view.

The preview is one run of the official CLI:
    PULUMI_DEBUG_COMMANDS=true pulumi preview --json --event-log EVENTS --policy-pack multiport/policy >PREVIEW
"""

import argparse
import json
import os
import sys
from pathlib import Path

from multiport.review.markdown import GITHUB_MOST, markdown
from multiport.review.preview import PreviewError, read
from multiport.review.redaction import Redaction, prelude_config, secrets_of
from multiport.review.rendered import rendered
from multiport.review.report import report
from multiport.review.terminal import terminal


def main() -> int:
    """Render one preview; 0 if there is one to render, 2 if the input is none."""
    parser = argparse.ArgumentParser(
        prog="python -m multiport.review", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=Path, required=True, help="what --event-log wrote")
    parser.add_argument("--preview", type=Path, required=True, help="what --json printed")
    parser.add_argument(
        "--rendered", type=Path, help="user data by server as JSON; default: rendered by this checkout where unknown"
    )
    parser.add_argument("--config", help="`pulumi config --json --show-secrets`, - for standard input: its secrets are left out")
    parser.add_argument("--format", choices=["markdown", "json", "terminal"], default="terminal")
    parser.add_argument("--most", type=int, default=GITHUB_MOST, help="bytes of Markdown at most")
    arguments = parser.parse_args()
    try:
        events = arguments.events.read_text()
        redaction = Redaction(_secrets(events, arguments.config))
        preview = read(events, arguments.preview.read_text(), redaction)
        texts = rendered(preview) if arguments.rendered is None else redaction.values(json.loads(arguments.rendered.read_text()))
    except (OSError, json.JSONDecodeError, PreviewError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    made, topology = report(preview, texts)
    if arguments.format == "markdown":
        print(markdown(made, topology, arguments.most, redaction), end="")
    elif arguments.format == "json":
        print(json.dumps(redaction.values(json.loads(made.json())), indent=1, sort_keys=True))
    else:
        print(redaction.text(terminal(made, colours=sys.stdout.isatty() and "NO_COLOR" not in os.environ)), end="")
    return 0


def _secrets(events: str, config: str | None) -> frozenset[str]:
    if config is None:
        return frozenset()
    shown = json.loads(sys.stdin.read() if config == "-" else Path(config).read_text())
    return secrets_of(prelude_config(events), shown)


if __name__ == "__main__":
    sys.exit(main())
