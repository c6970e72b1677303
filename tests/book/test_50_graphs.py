"""Is the network that is read out of a torch module the module's own: for its size, and for sizes it never ran?

Main results: `test_a_graph_predicts_sizes_that_never_ran` (every row is torch's at other sizes too),
`test_a_function_is_what_its_rule_says` (each function, at two sizes), `test_a_spec_saved_is_the_module_again`. What the
module's code asks of its sizes is a guard, what it makes a plain number is fixed; a tensor that comes by a hidden way,
or a rule that is wrong, is never taken for verified.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import shapecheck
from shapecheck.inference import pick
from shapecheck.models import functions
from shapecheck.models.functions import Use
from shapecheck.models.graph import Uncaptured, capture, record
from shapecheck.models.save import spec_text
from shapecheck.report import Report
from shapecheck.yaml_nodes import plain, read


def counted(module: nn.Module) -> int:
    """The parameters as torch counts them."""
    return sum(weight.numel() for weight in module.parameters())


def shapes_of(value: Any) -> list[tuple[int, ...]]:
    """The shapes of the tensors in what a module gives, in order."""
    if isinstance(value, torch.Tensor):
        return [tuple(value.shape)]
    parts = value.values() if isinstance(value, dict) else value
    return [shape for part in parts for shape in shapes_of(part)]


def outputs_of(report: Report) -> list[Any]:
    """The shapes that a network gives."""
    assert report.network is not None
    values = [*report.inputs.values(), *(row.output for row in report.rows)]
    return [pick(source, values) for source, _ in report.network.outputs]


# Some modules --------------------------------------------------------------------------------------------------------


class Residual(nn.Module):
    """A stem, two blocks that are added, a pooled head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True))
        self.blocks = nn.ModuleList(nn.Conv2d(8, 8, 3, padding=1) for _ in range(2))
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        """Adds, then a mean."""
        x = self.stem(x)
        for block in self.blocks:
            x = x + F.relu(block(x))
        return self.head(x.mean(dim=(2, 3)))


class Skips(nn.Module):
    """Down and up again: the way back is brought to the size of the way there, whatever that is."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2)
        self.deep = nn.Conv2d(8, 8, 3, stride=2)
        self.up = nn.ConvTranspose2d(8, 8, 2, stride=2)
        self.out = nn.Conv2d(16, 2, 1)

    def forward(self, x):
        """Crops by padding, concatenates, enlarges to the input's size."""
        first = self.down(x)
        back = self.up(self.deep(first))
        height, width = first.shape[2] - back.shape[2], first.shape[3] - back.shape[3]
        back = F.pad(back, (width // 2, width - width // 2, height // 2, height - height // 2))
        return F.interpolate(self.out(torch.cat([first, back], dim=1)), size=x.shape[2:], mode="bilinear")


class Patches(nn.Module):
    """A small vision transformer: patches, a class token, attention written out."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, 16, 4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, 16))
        self.qkv = nn.Linear(16, 48)
        self.norm = nn.LayerNorm(16)

    def forward(self, x):
        """Heads are split off and put together again."""
        x = self.patch(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1)
        batch, length, features = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(batch, length, 3, 4, features // 4).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(-2, -1)) * (features // 4) ** -0.5
        x = x + (scores.softmax(dim=-1) @ v).transpose(1, 2).reshape(batch, length, features)
        return x[:, 0]


class Shuffled(nn.Module):
    """Channels dealt out anew by hand, windows cut out and put back, as many as there are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 8, 3, padding=1)

    def forward(self, x):
        """View, permute, view; pads to a multiple of 4 before."""
        x = F.pad(x, (0, -x.shape[3] % 4, 0, -x.shape[2] % 4))
        x = self.conv(x)
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)
        windows = x.view(n, c, h // 4, 4, w // 4, 4).permute(0, 2, 4, 3, 5, 1).reshape(-1, 16, c)
        rows = math.ceil(h / 2)
        return windows, x[:, :, :rows, ::2]


class Words(nn.Module):
    """Indices looked up, a recurrent layer, its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(50, 8)
        self.lstm = nn.LSTM(8, 16, batch_first=True)
        self.head = nn.Linear(16, 50)
        self.head2 = nn.Linear(8, 50, bias=False)
        self.head2.weight = self.table.weight

    def forward(self, tokens):
        """Several outputs in a mapping; a weight that two modules share."""
        vectors = self.table(tokens)
        states, (hidden, _) = self.lstm(vectors)
        return {"logits": self.head(states[:, -1]), "tied": self.head2(vectors), "hidden": hidden}


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], list[dict[str, int]]]] = {
    "residual": (Residual, (2, 3, 32, 32), [{"N": 1, "H": 47, "W": 64}, {"N": 5, "H": 2, "W": 9}]),
    "skips": (Skips, (1, 3, 33, 33), [{"N": 2, "H": 48, "W": 31}, {"N": 3, "H": 20, "W": 22}]),
    "patches": (Patches, (2, 3, 16, 24), [{"N": 1, "H": 32, "W": 16}, {"N": 4, "H": 19, "W": 23}]),
    "shuffled": (Shuffled, (2, 4, 10, 12), [{"N": 1, "H": 13, "W": 7}, {"N": 3, "H": 16, "W": 21}]),
}


@pytest.mark.parametrize("kind", MODULES)
def test_a_graph_predicts_sizes_that_never_ran(kind):
    """Each row predicted for another size is what torch gives when the module is followed at that size."""
    make, shape, others = MODULES[kind]
    module = make().eval()
    network = capture(module, shape)
    for sizes in others:
        report = shapecheck.infer(network, sizes)
        assert report.ok, report.diagnostics
        (size,) = report.inputs.values()
        again = record(module, [size], open_names=False)
        assert [row.output for row in report.rows] == again.torch, sizes
        assert outputs_of(report) == shapes_of(module(torch.zeros(size)))


@pytest.mark.parametrize("kind", MODULES)
def test_the_graph_at_its_own_size_is_verified_row_by_row(kind):
    """At the size it was recorded with every row is torch's, parameters are torch's, nothing is without a rule."""
    make, shape, _ = MODULES[kind]
    module = make()
    report = shapecheck.trace(module, shape)
    assert (report.way, report.verified, report.diagnostics) == ("graph", "meta", ())
    assert all(row.torch == row.output for row in report.rows)
    assert report.totals["params"] == counted(module)


@pytest.mark.parametrize("kind", MODULES)
def test_a_spec_saved_is_the_module_again(kind):
    """The spec of a graph, read again, has the same shapes and the same parameters, also where it stays open."""
    make, shape, others = MODULES[kind]
    module = make().eval()
    taken = record(module, [shape])
    again = shapecheck.load(plain(read(spec_text(taken.network, taken.hints).encode())))
    for sizes in [taken.hints, *others]:
        known = {name: size for name, size in sizes.items() if name in again.open_names()}
        if len(known) < len(sizes) and sizes is not taken.hints:
            continue
        report, wanted = shapecheck.infer(again, known), shapecheck.infer(taken.network, sizes)
        assert [row.output for row in report.rows] == [row.output for row in wanted.rows]
        assert report.totals["params"] == wanted.totals["params"] == counted(module)


# Sizes in the module's code ------------------------------------------------------------------------------------------


class Code(nn.Module):
    """A module that does what a function says."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs):
        """The function's value."""
        return self.function(*inputs)


def test_a_question_about_a_size_is_a_guard():
    """What is predicted holds where the code goes the same way; for other sizes the finding says what was asked."""
    network = capture(Code(lambda x: F.pad(x, (0, 1)) if x.shape[3] > 20 else x), (2, 3, 32, 32))
    assert shapecheck.infer(network, {"W": 21}).rows[-1].output[-1] == 22
    report = shapecheck.infer(network, {"W": 20})
    assert [finding.code for finding in report.diagnostics] == ["SP601"]
    assert "test_50_graphs.py" in report.diagnostics[0].message
    assert shapecheck.infer(network, {"H": 3}).ok, "nothing was asked of H"


@pytest.mark.parametrize(
    ("function", "fixed"),
    [
        (lambda x: torch.cat([x[:, :, i : i + 1] for i in range(x.shape[2])], 2), {"H"}),
        (lambda x: x.reshape(int(x.shape[2] * x.shape[3] ** 0.5), -1), {"H", "W"}),
        (lambda x: F.interpolate(x, scale_factor=7 / float(x.shape[3])), {"H", "W"}),
        (lambda x: x.view(len(x), -1), {"N"}),
        (lambda x: {2: x}[x.shape[0]] + 1, {"N"}),
    ],
)
def test_a_size_made_a_plain_number_is_fixed(function, fixed):
    """range, int, float, len and a key of a mapping make numbers of sizes: those names are fixed; a note says so."""
    report = shapecheck.trace(Code(function), (2, 3, 8, 9))
    assert report.network is not None
    assert {"N", "H", "W"} - set(report.network.open_names()) == fixed
    notes = [finding for finding in report.diagnostics if finding.code == "SP603"]
    assert {name for note in notes for name in note.facts["names"]} == fixed
    assert report.verified == "meta"


@pytest.mark.parametrize(
    "arithmetic",
    [
        lambda n: n // 2, lambda n: n + 3, lambda n: 3 * n - 1, lambda n: -(-n // 8), lambda n: n % 5 + 1,
        lambda n: math.ceil(n / 3), lambda n: math.floor((n + 1) / 2), lambda n: (n + 4 - n % 4) ** 2,
        lambda n: divmod(n, 3)[0], lambda n: 1 + abs(n - 1), lambda n: round(n), lambda n: 9 * n // (n - 1),
    ],
)  # fmt: skip
def test_arithmetic_on_sizes_stays_open(arithmetic):
    """A size worked out by the code is worked out anew for another size."""
    network = capture(Code(lambda x: F.interpolate(x, size=(arithmetic(x.shape[2]), 4))), (1, 3, 12, 12))
    for size in (5, 13, 31):
        assert shapecheck.infer(network, {"N": 1, "H": size}).rows[-1].output == (1, 3, arithmetic(size), 4)


# Functions -----------------------------------------------------------------------------------------------------------

X, TOKENS = (2, 6, 8, 12), (2, 5, 8)
FUNCTIONS: dict[str, tuple[Callable[..., Any], list[tuple[int, ...]]]] = {
    "view": (lambda x: x.view(x.size(0), 2, 3, *x.shape[2:]), [X]),
    "reshape": (lambda x: torch.reshape(x, (x.shape[0], -1)), [X]),
    "flatten": (lambda x: x.flatten(2), [X]),
    "unflatten": (lambda x: x.unflatten(1, (2, 3)), [X]),
    "permute": (lambda x: x.permute(0, 2, 3, 1).contiguous(), [X]),
    "transpose": (lambda x: x.transpose(1, 2).mT, [X]),
    "movedim": (lambda x: x.movedim(1, -1), [X]),
    "squeeze": (lambda x: x.mean(1, keepdim=True).squeeze(1), [X]),
    "unsqueeze": (lambda x: x.unsqueeze(-1)[..., None], [X]),
    "expand": (lambda x: x[:, :1].expand(-1, 4, -1, -1), [X]),
    "repeat": (lambda x: x.repeat(1, 2, 1, 1), [X]),
    "repeat_interleave": (lambda x: x.repeat_interleave(2, dim=1), [X]),
    "getitem": (lambda x: x[:, 1:-1, ::2, ..., -1], [X]),
    "select": (lambda x: x.select(1, 0), [X]),
    "narrow": (lambda x: x.narrow(2, 1, x.shape[2] - 2), [X]),
    "index_select": (lambda x: x.index_select(1, torch.tensor([0, 2, 4])), [X]),
    "chunk": (lambda x: torch.chunk(x, 3, dim=1), [X]),
    "split": (lambda x: x.split([2, 4], dim=1), [X]),
    "unbind": (lambda x: [part for part in x.unbind(1)], [X]),
    "iterate": (lambda x: [part for part in x.transpose(0, 1)], [X]),
    "cat": (lambda x: torch.cat((x, x * 2), dim=1), [X]),
    "stack": (lambda x: torch.stack([x, x.abs()], dim=2), [X]),
    "mean": (lambda x: x.mean([-1, -2]), [X]),
    "sum": (lambda x: torch.sum(x, dim=1, keepdim=True), [X]),
    "amax": (lambda x: x.amax(dim=(2, 3)), [X]),
    "max": (lambda x: torch.max(x, dim=1)[0] + x.max(1, keepdim=True).values, [X]),
    "argmax": (lambda x: x.argmax(1), [X]),
    "var": (lambda x: x.var(1).sqrt(), [X]),
    "norm": (lambda x: x / x.norm(dim=1, keepdim=True), [X]),
    "logsumexp": (lambda x: x.logsumexp(1), [X]),
    "arithmetic": (lambda x: ((x + 1) * 2 - x) / 3 // 2 - (1 - x) + 2 / (x + 9), [X]),
    "broadcast": (lambda x, y: x + y - x * y / (y + 2), [X, (2, 1, 8, 12)]),
    "inplace": (lambda x: x.clone().add_(1).relu_().mul_(2).clamp_(0, 6), [X]),
    "compare": (lambda x: torch.where(x > 0, x, x.exp()) + (x >= 1).float(), [X]),
    "maximum": (lambda x: torch.maximum(x, -x) + torch.max(x, x + 1), [X]),
    "power": (lambda x: x.pow(2).sqrt() ** 0.5 + 2**x, [X]),
    "matmul": (lambda x: x @ x.transpose(-1, -2), [X]),
    "bmm": (lambda x: torch.bmm(x, x.transpose(1, 2)), [TOKENS]),
    "baddbmm": (lambda x: torch.baddbmm(x[:, :, :1], x, x.transpose(1, 2)), [TOKENS]),
    "einsum": (lambda x: torch.einsum("bchw,bdhw->bcd", x, x), [X]),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), [X]),
    "softmax": (lambda x: F.softmax(x, dim=-1).log_softmax(1), [X]),
    "relu": (lambda x: F.relu(x, inplace=True) + torch.sigmoid(x).tanh(), [X]),
    "activations": (lambda x: F.gelu(F.silu(F.leaky_relu(F.elu(F.hardswish(F.mish(x)))), inplace=True)), [X]),
    "dropout": (lambda x: F.dropout(F.dropout2d(x, training=False), 0.1, False), [X]),
    "max_pool2d": (lambda x: F.max_pool2d(x, 3, 2, 1), [X]),
    "avg_pool2d": (lambda x: F.avg_pool2d(x, 2) + F.avg_pool2d(x, kernel_size=x.shape[2:]), [X]),
    "adaptive_pool": (lambda x: F.adaptive_avg_pool2d(x, (1, 1)) + F.adaptive_max_pool2d(x, 1), [X]),
    "pad": (lambda x: F.pad(F.pad(x, (1, 1, 1, 1), mode="reflect"), (0, 0, 0, 0, 1, 0)), [X]),
    "interpolate": (lambda x: F.interpolate(x, None, 2) + F.interpolate(x, (2 * x.size(2), 2 * x.size(3))), [X]),
    "unfold": (lambda x: F.unfold(x, 3, padding=1), [X]),
    "pixel_shuffle": (lambda x: F.pixel_unshuffle(x, 2), [X]),
    "layer_norm": (lambda x: F.layer_norm(x, (8,)), [TOKENS]),
    "instance_norm": (lambda x: F.instance_norm(x), [X]),
    "group_norm": (lambda x: F.group_norm(x, 3), [X]),
    "normalize": (lambda x: F.normalize(x, dim=1), [X]),
    "along": (lambda x: x.roll(1, 1).flip(1).cumsum(1).sort(1)[0], [X]),
    "conv2d": (lambda x: F.conv2d(x, torch.zeros(4, 3, 3, 3), padding=1, groups=2), [X]),
    "linear": (lambda x: F.linear(x, torch.zeros(7, 8), torch.zeros(7)), [TOKENS]),
    "zeros": (lambda x: x + torch.zeros(x.shape[2], x.shape[3]), [X]),
    "arange": (lambda x: x + torch.arange(x.shape[1])[None, :, None], [TOKENS]),
    "new_zeros": (lambda x: torch.cat([x, x.new_zeros(x.shape[0], 1, *x.shape[2:])], 1), [X]),
    "like": (lambda x: torch.rand_like(x) + torch.ones_like(x), [X]),
    "numel": (lambda x: x.view(-1, x.numel() // x.shape[0]), [X]),
    "type": (lambda x: x.to(torch.float64).type_as(x).half().float().detach(), [X]),
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_what_its_rule_says(name):
    """A function used in forward is predicted, agrees with torch, and at another size again."""
    function, shapes = FUNCTIONS[name]
    module = Code(function)
    taken = record(module, shapes)
    assert not taken.unruled
    assert not taken.findings
    other = {"N": 3, "H": 10, "W": 14, "T": 7}
    sizes = {letter: other.get(letter, size) for letter, size in taken.hints.items()}
    assert set("NHW") <= set(taken.hints) or set("NT") <= set(taken.hints)
    report = shapecheck.infer(taken.network, sizes)
    assert report.ok, report.diagnostics
    inputs = [torch.ones(shape) for shape in report.inputs.values()]
    assert outputs_of(report) == shapes_of(module(*inputs))


def test_what_has_no_rule_is_torch_s_word_and_not_verified():
    """A function without a rule is shown with torch's shape, for these sizes only, and the report is not verified."""
    report = shapecheck.trace(Code(lambda x: torch.fft.fft2(x).real), (2, 3, 8, 8))
    assert (report.ok, report.verified) == (True, None)
    assert [finding.code for finding in report.diagnostics if finding.code != "SP603"] == ["SP612"]
    assert report.network is not None
    assert report.network.open_names() == []
    assert report.rows[0].output == (2, 3, 8, 8)


def test_a_wrong_rule_is_caught(monkeypatch):
    """A rule that says something else than torch is a disagreement, and nothing is verified by it."""
    monkeypatch.setitem(functions.RULES, "flatten", lambda x, *dims: Use("Flatten", (x,), {"start_dim": 2}))
    report = shapecheck.trace(Code(lambda x: x.flatten(1)), (2, 3, 8, 8))
    assert "SP401" in {finding.code for finding in report.diagnostics}
    assert report.verified is None


# What cannot be a graph ----------------------------------------------------------------------------------------------


def values_matter(x):
    """What is done depends on what the numbers are."""
    return x.flatten(1) if x.sum() > 0 else x


def by_a_hidden_way(x):
    """A tensor made where nobody looks."""
    with torch._C.DisableTorchFunction():
        y = x * 2
    return y + x


@pytest.mark.parametrize("function", [values_matter, by_a_hidden_way])
def test_what_cannot_be_followed_is_watched_call_by_call(function):
    """Where values matter, or a tensor comes a hidden way, there is no graph; the report says which way it took."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), Code(function))
    with pytest.raises(Uncaptured):
        capture(module, (2, 3, 8, 8))
    report = shapecheck.trace(module, (2, 3, 8, 8))
    assert report.way == "calls"
    assert report.diagnostics[0].code == "SP602"
    assert report.rows[0].output == report.rows[0].torch == (2, 4, 6, 6)


def test_a_forward_that_fails_is_a_finding_with_its_line():
    """A layer that does not fit is found as a spec's would be, with the line of forward that called it."""
    report = shapecheck.trace(nn.Sequential(nn.Flatten(), nn.Linear(100, 10)), (2, 3, 8, 8))
    (finding,) = [finding for finding in report.diagnostics if finding.severity == "error"]
    assert (finding.code, report.ok, report.verified) == ("SP303", False, None)


# Parameters, inputs, modes -------------------------------------------------------------------------------------------


class Twice(nn.Module):
    """A module called twice, a parameter of its own, one that is made something else first, one that nothing reads."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.scale = nn.Parameter(torch.ones(4))
        self.shift = nn.Parameter(torch.ones(4, 1, 1))
        self.idle = nn.Parameter(torch.ones(5))
        self.kernel = nn.Parameter(torch.ones(4, 4, 1, 1))

    def forward(self, x):
        """Standardises a kernel before it uses it."""
        x = self.conv(self.conv(x)) * self.scale[:, None, None] + self.shift
        return F.conv2d(x, self.kernel / self.kernel.norm())


def test_parameters_are_counted_once_and_work_each_time():
    """A module called twice has its parameters counted at the first call, its multiply-adds at both; none is missed."""
    module = Twice()
    report = shapecheck.trace(module, (1, 4, 8, 8))
    first, second = (row for row in report.rows if row.name in ("conv", "conv_2"))
    assert (first.params, second.params, first.macs) == (148, 0, second.macs)
    assert report.totals["params"] == counted(module)
    assert [finding.code for finding in report.diagnostics] == ["SP613"]
    assert report.verified == "meta"


def test_a_shared_layer_stays_shared_in_the_spec():
    """`shares` in a saved spec counts the weights once."""
    module = Twice()
    taken = record(module, [(1, 4, 8, 8)])
    text = spec_text(taken.network, taken.hints)
    assert "shares: conv}" in text
    assert shapecheck.infer(shapecheck.load(plain(read(text.encode())))).totals["params"] == counted(module)


def test_tied_weights_and_several_outputs_of_indices():
    """Integer inputs given as a shape are indices; tied weights count once; a mapping's outputs are all there."""
    module = Words().eval()
    report = shapecheck.trace(module, (2, 7))
    assert (report.verified, report.totals["params"]) == ("meta", counted(module))
    given = module(torch.zeros(2, 7, dtype=torch.int64))
    assert outputs_of(report) == shapes_of(given)
    assert report.network is not None
    later = shapecheck.infer(report.network, {"N": 3, "T": 11})
    assert outputs_of(later) == shapes_of(module(torch.zeros(3, 11, dtype=torch.int64)))


def test_inputs_may_be_named_and_nested():
    """Keyword inputs and tensors in mappings and lists are inputs of the network, under their names."""
    module = Code(lambda batch, others: batch["a"] + others[0])
    report = shapecheck.trace(module, {"a": (2, 3)}, [torch.zeros(2, 1)])
    assert list(report.inputs) == ["input1.a", "input2.0"]
    assert report.verified == "meta"


def test_the_module_is_left_as_it_was():
    """Following a module changes neither its mode nor a buffer nor an attribute, and computes on no weights."""
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout()).train()
    module[2].eval()
    call = nn.Module.__call__
    before = {name: value.clone() for name, value in module.state_dict().items()}
    assert shapecheck.trace(module, (2, 3, 8, 8), training=True).verified == "meta"
    assert [part.training for part in module.modules()] == [True, True, True, False]
    assert all(torch.equal(value, module.state_dict()[name]) for name, value in before.items())
    assert nn.Module.__call__ is call


class Branching(nn.Module):
    """Crops pictures that are higher than 40 cells."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The convolution of the picture, or of its upper part."""
        return self.conv(x[:, :, :32] if x.shape[2] > 40 else x)


def test_what_the_code_compares_bounds_the_admissible_sizes() -> None:
    """Of a recorded graph no more is promised than was recorded: beyond its guard a size is not admitted, and why."""
    answer = shapecheck.admissible(capture(Branching().eval(), (1, 3, 32, 32)))
    assert str(answer) == "3 <= H <= 40 and W >= 3"
    assert answer.contains(H=40)
    assert not answer.contains(H=41)
    assert "SP601" in [cause.code for cause in answer.causes]
