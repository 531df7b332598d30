"""Every diagram is drawn by the real Mermaid in headless Chromium; pictures are left in .reports/mermaid to be looked at."""

import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from multiport.review.mermaid import PORTS_MOST, _label, mermaid
from tests.review import expect
from tests.review.cases import CASES

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent / "mermaid"
INSTALLED = ROOT / ".tools" / "mermaid"
PICTURES = ROOT / ".reports" / "mermaid"
CHROMIUM = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
PAGE = """<!doctype html><meta charset="utf-8"><body style="margin:8px;background:#fff"><main></main><pre id="answer"></pre>
<script src="{script}"></script><script>
const diagrams = {diagrams};
mermaid.initialize({{startOnLoad: false, securityLevel: "strict"}});
(async () => {{
  const answer = {{}};
  for (const [name, text] of Object.entries(diagrams)) {{
    try {{
      const {{svg}} = await mermaid.render("m" + Object.keys(answer).length, text);
      const place = document.createElement("div");
      place.innerHTML = svg;
      document.querySelector("main").append(place);
      answer[name] = {{
        nodes: [...place.querySelectorAll(".node")].map(each => [each.textContent.trim(), each.getAttribute("class")]),
        servers: [...place.querySelectorAll(".cluster")].map(each => [each.textContent.trim(), each.getAttribute("class")]),
        edges: place.querySelectorAll(".edgePaths path").length,
        markup: place.querySelectorAll("script, img, a, iframe, b").length,
      }};
    }} catch (error) {{ answer[name] = {{error: String(error)}}; }}
  }}
  document.querySelector("#answer").textContent = JSON.stringify(answer);
  document.title = "done";
}})();
</script>"""

Draw = Callable[[dict[str, str]], dict[str, dict[str, object]]]


@pytest.fixture(scope="session")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Draw]:
    chromium = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)
    if chromium is None or shutil.which("npm") is None:
        pytest.skip("no Chromium or no npm here; tests/review/apt.txt names the packages")
    lock = (HERE / "package-lock.json").read_bytes()
    if not (INSTALLED / "installed").exists() or (INSTALLED / "installed").read_bytes() != lock:
        INSTALLED.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, INSTALLED)
        npm = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", f"--cache={INSTALLED / 'cache'}"],
            cwd=INSTALLED,
            capture_output=True,
            text=True,
            check=False,
        )
        if npm.returncode != 0:
            pytest.skip(f"npm cannot install Mermaid; give it a registry that has it: {npm.stderr.strip().splitlines()[-1:]}")
        (INSTALLED / "installed").write_bytes(lock)
    folder = tmp_path_factory.mktemp("chromium")

    def drawn(diagrams: dict[str, str]) -> dict[str, dict[str, object]]:
        page = folder / "page.html"
        script = (INSTALLED / "node_modules/mermaid/dist/mermaid.min.js").as_uri()
        page.write_text(PAGE.format(script=script, diagrams=json.dumps(diagrams).replace("</", "<\\/")))
        answer = subprocess.run(
            [
                chromium,
                *CHROMIUM,
                f"--user-data-dir={folder / 'profile'}",
                "--virtual-time-budget=60000",
                "--dump-dom",
                page.as_uri(),
            ],
            env={**os.environ, "HOME": str(folder)},
            capture_output=True,
            text=True,
            check=True,
            timeout=300,
        )
        found = re.search(r'<pre id="answer">(.*?)</pre>', answer.stdout, re.DOTALL)
        assert found, answer.stdout[-2000:] + answer.stderr[-2000:]
        value: dict[str, dict[str, object]] = json.loads(html.unescape(found[1]))
        return value

    yield drawn
    shutil.rmtree(folder / "profile", ignore_errors=True)


def _picture(name: str, text: str, folder: Path) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    page = folder / f"{name}.html"
    script = (INSTALLED / "node_modules/mermaid/dist/mermaid.min.js").as_uri()
    page.write_text(PAGE.format(script=script, diagrams=json.dumps({name: text})).replace('id="answer"', 'id="answer" hidden'))
    PICTURES.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            chromium,
            *CHROMIUM,
            f"--user-data-dir={folder / name}",
            "--virtual-time-budget=30000",
            "--window-size=1000,900",
            f"--screenshot={PICTURES / name}.png",
            page.as_uri(),
        ],
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        check=True,
        timeout=300,
    )


def test_every_recorded_change_is_drawn(draw: Draw) -> None:
    diagrams = {name: text for name in CASES if (text := mermaid(expect.rendered(name)[1]))}
    undrawn = {"no-change", "failed", "misconfigured", "gateway-removed", "rule-removed", "script-changed-keep"}
    assert CASES.keys() - diagrams.keys() == undrawn
    answers = draw(diagrams)
    assert answers.keys() == diagrams.keys()
    for name, answer in answers.items():
        assert "error" not in answer, f"{name}: {answer['error']}\n{diagrams[name]}"
        made, topology = expect.rendered(name)
        drawn = answer["nodes"]
        assert isinstance(drawn, list)
        words = " ".join(text for text, _ in drawn)
        shown = [row for row in topology.ports if row.server in {row.server for row in made.ports}]
        for row in shown[:PORTS_MOST] if len(shown) <= PORTS_MOST else ():
            assert f"{row.key} " in f"{words} " or row.key in words
        # what changes is marked in colour, by its class, and in words
        for text, classes in drawn:
            for op, word in (("create", "(new)"), ("delete", "(deleted)"), ("replace", "(replaced)"), ("update", "(updated)")):
                assert (word in text) == (op in classes.split()), (name, text, classes)


def test_a_picture_to_look_at(draw: Draw, tmp_path: Path) -> None:
    draw({"warm": "flowchart LR\n  a --> b"})
    for name in ("port-added", "port-moved", "two-servers", "create-many"):
        _picture(name, mermaid(expect.rendered(name)[1]), tmp_path)
        assert (PICTURES / f"{name}.png").stat().st_size > 5_000


HOSTILE = (
    'a"]; click s0 "javascript:alert(1)"',
    "%%{init: {'theme': 'dark'}}%%",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "`markdown` **bold**",
    "1. list",
    "- list",
    "end",
    "subgraph x",
    "---\ntitle: x\n---",
    "#quot; #35; &lt;",
    "a\\nb \u202e\u200b",
    "http://example.org",
    "see www.example.org or a@example.org",
    "_a_ __b__ ~~c~~ *d*",
    "| a | b |",
    "# title",
    "> quote",
    "    code",
    "x" * 500,
    "graph TD; a-->b",
    "%% comment",
    "{{x}} [[y]] ((z)) >w]",
    "é ü 漢字",
)


def test_hostile_labels_are_shown_as_they_are(draw: Draw) -> None:
    diagrams = {
        f"label {place}": f'flowchart LR\n  subgraph s["{_label(text)}"]\n    n["{_label(text)}"]\n  end'
        for place, text in enumerate(HOSTILE)
    }
    answers = draw(diagrams)
    for place, text in enumerate(HOSTILE):
        answer = answers[f"label {place}"]
        assert "error" not in answer, (text, answer)
        assert answer["markup"] == 0, text
        nodes = answer["nodes"]
        assert isinstance(nodes, list)
        shown = re.sub(r"\s+", " ", nodes[0][0].replace("\u200b", ""))
        wanted = text.replace("\n", "\\n").replace("\u202e", "\\u202e").replace("\u200b", "\\u200b")
        wanted = re.sub(r"\s+", " ", wanted if len(wanted) <= 60 else f"{wanted[:60]}…").strip()
        assert shown == wanted
