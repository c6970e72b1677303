"""The pages of docs/ are generated, and what they say holds.

Main results: docs/layers.md is what the layers say of themselves today, and its examples are right; docs/torch.md lists
the disagreements that the judge lets pass, and its differences between torch's devices are found again.
"""

from __future__ import annotations

import ast
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import shapecheck
from shapecheck.layers import LAYERS
from shapecheck.render import catalogue, reference
from shapecheck.render.catalogue import yaml_text
from shapecheck.yaml_nodes import plain, read
from tests.parity import others, page
from tests.parity.draw import Case
from tests.parity.meta import differ
from tests.parity.workers import TORCH, Worker

ROOT = Path(__file__).parents[2]
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
ROW = re.compile(r"^\| \d+ \| [\w, ]+ \| `(\w+)\((.*)\)` on `(.*)`( in evaluation)? \| (.*) \| (.*) \|$", re.MULTILINE)


def test_the_page_of_layers_is_what_the_layers_say():
    """docs/layers.md is the output of `python -m shapecheck.render.reference`, no more and no less."""
    assert PAGES["layers.md"] == "".join(reference.reference())


def test_the_page_of_layers_names_every_layer():
    """Each name that a spec may use stands on the page."""
    assert set(LAYERS) - set(re.findall(r"\w+", PAGES["layers.md"])) == set()


@pytest.mark.parametrize("name", LAYERS)
def test_an_example_of_a_layer_is_right(name: str):
    """The example on a layer's page, read as a spec and as a call, gives the output that is shown."""
    found = catalogue.example(LAYERS[name])
    assert found is not None
    line, shapes, output = found
    spec = plain(read(f"- {line}"))[0]
    arguments: dict[str, Any] = {} if isinstance(spec, str) else next(iter(spec.values()))
    names = [f"x{place}" for place in range(len(shapes))]
    inputs = {key: [str(size) for size in shape] for key, shape in zip(names, shapes, strict=True)}
    inputs = inputs or {"none": ["1"]}
    entry: dict[str, Any] = {LAYERS[name].__name__: arguments}
    entry |= {"from": names if len(names) > 1 else names[0]} if names else {}
    network = plain(read(f"inputs: {yaml_text(inputs)}\nlayers: [{yaml_text(entry)}]"))
    report = shapecheck.check(network, verify=False)
    assert report.ok, report.diagnostics
    assert report.layers[0].output == output


def test_the_formulas_of_the_page_are_the_functions():
    """The LaTeX of the window count is that of the function, with its letters."""
    assert r"| `window_count` | $\left\lfloor\frac{n-k+p+s}{s}\right\rfloor$ |" in PAGES["layers.md"]


def test_the_page_of_torch_lists_what_is_not_mirrored():
    """docs/torch.md has the judge's list of known disagreements, as it is."""
    assert page.known() in PAGES["torch.md"]


def case_of(kind: str, arguments: str, shapes: str, evaluation: str) -> Case:
    """The case that a row of the table of devices shows."""
    call = ast.parse(f"f({arguments})", mode="eval").body
    assert isinstance(call, ast.Call)
    args = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
    return Case(kind, args, tuple(ast.literal_eval(f"[{shapes}]")), training=not evaluation)


def test_the_differences_of_the_devices_are_found_again():
    """On nine of ten rows of docs/torch.md meta and CPU differ here too; which kernels run depends on the processor."""
    rows = ROW.findall(PAGES["torch.md"])
    assert len(rows) == len(re.findall(r"^\| \d+ \| [A-Z]", PAGES["torch.md"], re.MULTILINE)) > 10
    with closing(Worker(*TORCH)) as worker:
        cases = [case_of(*shown).to_json() for *shown, _, _ in rows]
        alike = [case for case in cases if not differ(worker.ask(case), worker.ask(case | {"device": "meta"}))]
    assert len(alike) <= len(rows) // 10, f"write the page anew: `python -m tests.parity.page`\n{alike}"


def test_our_ceil_mode_is_that_of_torch(draws: int):
    """On the pools by which other tools are measured, our own answer is torch's."""
    for pool in others.ceil_pools(draws):
        assert others.predicted(pool) == pool.output, pool


def test_the_page_of_torch_has_all_its_sections():
    """Each section that `tests.parity.page` writes stands on the page, with the versions of what it measured."""
    for section in (page.HEAD, page.META, page.KNOWN_HEAD):
        assert section in PAGES["torch.md"]
    for words in (r"onnx \d+\.\d+", r"torchinfo \d+\.\d+", r"thop \d+\.\d+", r"\| 22 to \d+ \| 0 of \d+ wrong"):
        assert re.search(words, PAGES["torch.md"]), words


def test_readme_leads_to_every_page():
    """README.md links each page of docs/, and nothing in docs/ that is not there."""
    linked = re.findall(r"\]\(docs/([\w.-]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(linked) == PAGES.keys()
