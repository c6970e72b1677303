"""What does a live torch module say of itself, and what becomes of a forward pass under our eyes?

A module is read off its attributes as one of our layers; that must be the layer it was built from, whatever its
arguments. Where a class changes what torch's does, there is no rule.

A forward pass is watched: every leaf's call is predicted from its real inputs and held against what torch gives. A call
without a rule is counted and never verified. An error of torch's is told by the rule that refuses the same.

Main results: `test_a_module_is_the_layer_it_was_built_from`, `test_who_changes_forward_has_no_rule`,
`test_every_call_is_predicted`, `test_a_wrong_rule_is_caught`, `test_torchs_errors_in_our_words`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

import shapecheck
from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import Layer, make, signature
from shapecheck.layers.pool import MaxPool2d
from shapecheck.models.calls import counts, record
from shapecheck.models.modules import kind_of, layer_of
from shapecheck.render import FORMATS, renderer
from shapecheck.report import Report
from shapecheck.torch_oracle import _construct
from tests.parity.catalogue import DRAWERS, draw_case
from tests.parity.draw import Case

DRAWS = 16
MODULES = [kind for kind in LAYERS if kind in DRAWERS and hasattr(nn, kind)]


def drawn(kind: str, index: int) -> tuple[Case, Layer, Any] | None:
    """A case with its layer and the module torch builds of it, without weights; None where one of them cannot be."""
    case = draw_case(kind, 51, index)
    mode = {"training": case.training} if signature(LAYERS[kind]).trains else {}
    try:
        layer = make(LAYERS[kind], {**case.args, **mode}, lazy=kind in LAZY)
        return case, layer, built(kind, layer).train(case.training)
    except Exception:
        return None


def built(kind: str, layer: Layer) -> Any:
    """The module torch builds of a layer, without weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = {name: value for name, value in layer.arguments().items() if not _waits(kind, name)}
        return _construct(kind, given, "meta")


def _waits(kind: str, name: str) -> bool:
    return kind in LAZY and name in LAYERS[kind].inferred


def outcome(layer: Layer, shapes: Any) -> Any:
    """Shape, parameters and multiply-adds of a layer on these shapes, or the stage of its refusal."""
    try:
        layer = layer.resolve(*shapes)
        output = layer.shape(*shapes)
        return output, layer.params(), layer.macs(shapes, output)
    except shapecheck.ShapeError as error:
        return error.stage
    except TypeError:  # too many inputs
        return "count"


@pytest.mark.parametrize("kind", MODULES)
def test_a_module_is_the_layer_it_was_built_from(kind: str) -> None:
    """Built by torch and read back, a layer gives the same shapes, parameters and multiply-adds as before."""
    compared = 0
    for index in range(DRAWS):
        case = drawn(kind, index)
        if case is None:
            continue
        drawing, layer, module = case
        read = layer_of(module)
        if read is None:
            assert any(type(value) is not int for value in drawing.args.values()), ("a plain module", index, module)
            continue
        read = replace(read, **{name: getattr(layer, name) for name in layer.forward})  # type: ignore[type-var]
        assert type(read) is type(layer)
        assert outcome(read, drawing.shapes) == outcome(layer, drawing.shapes), (index, drawing)
        compared += 1
    assert compared >= DRAWS // 2, f"{kind}: {compared}"


@pytest.mark.parametrize("kind", MODULES)
def test_reading_twice_changes_nothing(kind: str) -> None:
    """What is read off a module builds a module off which the same is read: no argument is lost or made up."""
    for index in range(DRAWS // 2):
        case = drawn(kind, index)
        read = None if case is None else layer_of(case[2])
        if read is None:
            continue
        assert layer_of(built(kind, read).train(getattr(read, "training", True))) == read, index


def test_every_module_with_a_rule_is_drawn() -> None:
    """The classes of torch.nn in our table are those drawn above."""
    of_torch = {kind for kind in LAYERS if isinstance(getattr(nn, kind, None), type)}
    assert {kind for kind in of_torch if issubclass(getattr(nn, kind), nn.Module)} == set(MODULES)


def layer(kind: str, **arguments: Any) -> Layer:
    """The layer of that type with these arguments."""
    return make(LAYERS[kind], arguments)


class Doubled(nn.Conv2d):
    """A convolution that changes what torch's does."""

    def forward(self, x: Any) -> Any:
        """Torch's, of the input twice."""
        return super().forward(torch.cat([x, x], 1))


class Renamed(nn.Conv2d):
    """A convolution with arguments of its own, which does what torch's does."""

    def __init__(self, width: int) -> None:
        super().__init__(3, width, 3)

    def extra_repr(self) -> str:
        """Other words, no other deeds."""
        return "mine"


class Inside(nn.Conv2d):
    """A convolution that changes a part that torch's forward calls."""

    def _conv_forward(self, x: Any, weight: Any, bias: Any) -> Any:
        return super()._conv_forward(x, weight, bias)[..., 1:]


def test_who_changes_forward_has_no_rule() -> None:
    """A subclass keeps torch's rule as long as it changes nothing forward does; an unknown class has none."""
    assert kind_of(Renamed(8)) == "Conv2d"
    assert layer_of(Renamed(8)) == layer("Conv2d", in_channels=3, out_channels=8, kernel_size=3)
    assert layer_of(Doubled(6, 8, 3)) is None
    assert layer_of(Inside(3, 8, 3)) is None
    assert layer_of(nn.Sequential()) is None
    patched: Any = nn.ReLU()
    patched.forward = lambda x: x.flatten()
    assert layer_of(patched) is None


def test_weights_that_arguments_do_not_tell_have_no_rule() -> None:
    """A module whose weights were exchanged is not what its attributes say; one that is parametrised still is."""
    pruned = nn.Conv2d(3, 8, 3)
    pruned.weight = nn.Parameter(pruned.weight[:5].detach())
    assert layer_of(pruned) is None
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3))
    assert layer_of(normed) == layer("Conv2d", in_channels=3, out_channels=8, kernel_size=3)


def test_a_lazy_module_waits_until_it_has_seen_an_input() -> None:
    """Before its first input a Lazy module is open; after it, it is the plain one."""
    lazy = nn.LazyLinear(4)
    read = layer_of(lazy)
    assert read is not None
    assert read.unresolved
    lazy(torch.zeros(2, 7))
    assert layer_of(lazy) == layer("Linear", in_features=7, out_features=4)


def test_the_mode_is_the_modules_or_the_one_asked_for() -> None:
    """Training is read off the module, unless it is given."""
    norm = nn.BatchNorm2d(4).eval()
    assert getattr(layer_of(norm), "training", None) is False
    assert getattr(layer_of(norm, training=True), "training", None) is True


# A forward pass, watched ---------------------------------------------------------------------------------------------


class Block(nn.Module):
    """A residual block that uses one activation twice."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.act = nn.ReLU()

    def forward(self, x: Any) -> Any:
        """The input and what became of it."""
        return self.act(self.conv2(self.act(self.norm(self.conv1(x)))) + x)


class Net(nn.Module):
    """A small network with a parameter of its own, a shared weight and a head that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(8, 1, 1))
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.body = nn.Sequential(Block(8), Block(8))
        self.head = nn.Linear(8, 8)
        self.tied = nn.Linear(8, 8, bias=False)
        self.tied.weight = self.head.weight
        self.spare = nn.Linear(8, 5)

    def forward(self, x: Any) -> Any:
        """Numbers for a picture."""
        x = self.body(self.stem(x) * self.scale)
        return self.tied(self.head(x.mean((2, 3))))


def size(module: nn.Module) -> int:
    """The number of parameters, as torch counts them."""
    return sum(parameter.numel() for parameter in module.parameters())


def codes(report: Report) -> list[str]:
    """The codes of the findings."""
    return [finding.code for finding in report.diagnostics]


def test_every_call_is_predicted() -> None:
    """Each leaf's call has a row of its dotted name: predicted from its inputs, agreed, its multiply-adds counted."""
    net = Net()
    report = record(net, [torch.zeros(2, 3, 16, 16)])
    names = [row.name for row in report.rows]
    block = ["conv1", "norm", "act", "conv2", "act#2"]
    assert names == [
        "scale", "stem", *(f"body.0.{name}" for name in block), *(f"body.1.{name}" for name in block), "head", "tied",
        "spare",
    ]  # fmt: skip
    assert counts(report) == (13, 13, 0, 0)
    assert report.verified == "meta"
    assert report.inputs == {"x": (2, 3, 16, 16)}
    rows = {row.name: row for row in report.rows}
    assert rows["body.0.conv2"].output == rows["body.0.conv2"].torch == (2, 8, 8, 8)
    assert rows["stem"].macs == 2 * 8 * 8 * 8 * 27


def test_parameters_are_counted_once_and_all() -> None:
    """Shared, own and unused parameters add up to torch's number; what is never called is told."""
    net = Net()
    report = record(net, [torch.zeros(2, 3, 16, 16)])
    assert report.totals["params"] == size(net)
    rows = {row.name: row for row in report.rows}
    assert (rows["head"].params, rows["tied"].params, rows["scale"].params) == (72, 0, 8)
    assert codes(report) == ["SP613"]
    assert report.diagnostics[0].facts == {"spare": 45}


def test_a_module_called_again_costs_again() -> None:
    """One layer used three times has its parameters once and its multiply-adds three times."""
    linear = nn.Linear(4, 4)
    report = record(nn.Sequential(linear, linear, linear), [torch.zeros(1, 4)])
    assert [row.name for row in report.rows] == ["0", "0#2", "0#3"]
    assert report.totals == {"params": 20, "macs": 48}


def test_the_model_is_left_as_it_was() -> None:
    """Neither weights, statistics, mode, hooks nor random numbers change; a Lazy module stays lazy."""
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.BatchNorm2d(4), nn.Dropout())
    before = torch.random.get_rng_state()
    for device in ("meta", "cpu"):
        report = record(net, [torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))], device=device)
        assert counts(report) == (3, 3, 0, 0)
        assert report.verified == device
        assert report.totals["params"] == 4 * 27 + 4 + 8
    assert torch.equal(torch.random.get_rng_state(), before)
    assert isinstance(net[0], nn.LazyConv2d)
    assert net[1].num_batches_tracked == 0
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in list(net.modules())[2:])


class Looks(nn.Module):
    """A forward that looks at values: no graph can be had of it, and nothing of it runs without numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(4, 3), nn.Linear(4, 5)

    def forward(self, batch: dict[str, Any], *, flip: bool = False) -> Any:
        """One of two layers, as the sum says."""
        x = batch["x"]
        return (self.one(x), self.two(x)) if x.sum() > 0 or flip else self.two(x)


def test_control_flow_by_values_runs_with_real_numbers() -> None:
    """Where the meta device cannot follow, the real device does, and a note says so; inputs may nest and be named."""
    report = record(Looks(), [{"x": torch.ones(2, 4)}], {"flip": True})
    assert [row.name for row in report.rows] == ["one", "two"]
    assert report.verified == "cpu"
    assert report.inputs == {"batch.x": (2, 4)}
    assert codes(report) == ["SP610"]
    assert "meta" in report.diagnostics[0].message


def test_weights_without_numbers_get_zeros_where_need_be() -> None:
    """A model built on the meta device, whose forward looks at values, is run with zeros; it keeps its meta weights."""
    with torch.device("meta"):
        model = Looks()
    report = record(model, [{"x": torch.ones(2, 4, device="meta")}])
    assert [row.name for row in report.rows if row.inputs] == ["two"]
    assert report.verified == "cpu"
    assert all(parameter.is_meta for parameter in model.parameters())


class Numpys(nn.Module):
    """A leaf that speaks of axis and keepdims."""

    def forward(self, x: Any) -> Any:
        """The greatest of each row."""
        return x.max(dim=1, keepdims=True)


def test_numpys_words_are_torchs_too() -> None:
    """torch takes keepdims for keepdim."""
    report = record(nn.Sequential(Numpys()), [torch.zeros(2, 3)])
    assert report.rows[0].torch == ((2, 1), (2, 1))
    assert report.verified == "meta"


class Odd(nn.Module):
    """A leaf of a class of its own."""

    def forward(self, x: Any) -> Any:
        """What comes out depends on values."""
        return torch.unique(x)


class Gate(nn.Module):
    """A leaf of a class of its own, all of whose functions have rules."""

    def forward(self, x: Any) -> Any:
        """The input, weighed."""
        return x * torch.sigmoid(x).flatten(1).unsqueeze(-1).reshape(x.shape)


def test_a_call_without_a_rule_is_counted_and_never_verified() -> None:
    """A leaf no rule knows shows what torch gave, in no way predicted; the model is not verified."""
    report = record(nn.Sequential(nn.ReLU(), Odd()), [torch.ones(2, 3)])
    assert counts(report) == (2, 1, 0, 1)
    assert (report.rows[1].type, report.rows[1].output, report.rows[1].torch) == ("Odd (no rule)", (1,), None)
    assert report.rows[1].macs is None
    assert report.verified is None
    assert "SP612" in codes(report)
    assert "unique" in str(report.diagnostics[-1])


def test_a_leaf_is_predicted_by_the_functions_it_calls() -> None:
    """A leaf of one's own is predicted where every function it calls has a rule, and gives what the rule says."""
    report = record(nn.Sequential(Gate(), nn.Flatten()), [torch.zeros(2, 3, 4)])
    assert counts(report) == (2, 2, 0, 0)
    assert report.verified == "meta"


def test_a_wrong_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that gives another shape than torch is our bug, in the row and in the findings."""
    right = MaxPool2d.shape
    monkeypatch.setattr(MaxPool2d, "shape", lambda self, x: (*right(self, x)[:-1], 1))
    report = record(nn.Sequential(nn.MaxPool2d(2), nn.Flatten()), [torch.zeros(2, 3, 8, 8)])
    assert counts(report) == (2, 1, 1, 0)
    assert (report.rows[0].output, report.rows[0].torch) == ((2, 3, 4, 1), (2, 3, 4, 4))
    assert codes(report) == ["SP401"]
    assert report.verified is None


def test_a_forward_that_fails_gives_the_rows_so_far() -> None:
    """The rows before the fault stand; the row at fault has the shapes it was given, and the finding says why."""
    report = record(nn.Sequential(nn.Flatten(), nn.ReLU(), nn.Linear(10, 4), nn.Tanh()), [torch.zeros(2, 3, 4)])
    assert [row.name for row in report.rows] == ["0", "1", "2"]
    assert report.rows[2].inputs == ((2, 12),)
    assert codes(report) == ["SP303"]
    assert report.diagnostics[0].layer == "2"
    assert not report.ok
    assert report.verified is None


def test_a_function_that_fails_is_told_too() -> None:
    """Between the leaves torch's functions have rules as well."""
    report = record(Chain(cut=True), [torch.zeros(2, 3, 12, 12)])
    assert [row.name for row in report.rows] == ["features.0", "features.1", "features.2"]
    assert codes(report) == ["SP306"]


def test_an_error_of_the_models_own_is_quoted() -> None:
    """What no rule explains is told with its place and in its own words."""

    class Own(nn.Module):
        def forward(self, x: Any) -> Any:
            raise NotImplementedError("not today")

    report = record(nn.Sequential(nn.ReLU(), Own()), [torch.zeros(2)])
    assert codes(report) == ["SP611"]
    finding = report.diagnostics[0]
    assert (finding.layer, finding.file) == ("1", __file__)
    assert "not today" in finding.message


@pytest.mark.parametrize("format_", FORMATS)
def test_every_renderer_shows_it(format_: str) -> None:
    """The report of a pass is a report like any other."""
    reports = [record(Net(), [torch.zeros(2, 3, 16, 16)]), record(nn.Sequential(Odd()), [torch.zeros(2)])]
    text = "".join(renderer(format_)(reports))
    assert "body" in text
    assert "Odd" in text


@pytest.mark.parametrize("batch_first", [False, True])
def test_layers_of_several_inputs(batch_first: bool) -> None:
    """Attention, recurrent layers and transformers are predicted with states, masks and the switches of forward."""

    class Several(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(6, 8, 2, batch_first=batch_first, bidirectional=True)
            self.attention = nn.MultiheadAttention(16, 4, batch_first=batch_first)
            self.layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=batch_first)
            self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
            self.bag = nn.EmbeddingBag(10, 3)

        def forward(self, x: Any, words: Any) -> Any:
            y, state = self.lstm(x)
            y, state = self.lstm(x, state)
            y, _ = self.attention(y, y, y, need_weights=False, attn_mask=torch.zeros(5, 5, device=y.device))
            y, _ = self.attention(query=y, key=y, value=y, average_attn_weights=False)
            y = self.layer(y, src_key_padding_mask=None)
            small, places = self.pool(x[None, :, :, 0].reshape(1, 1, 5, 4))
            return self.unpool(small, places, output_size=(5, 4)), self.bag(words, torch.tensor([0, 2]))

    shape = (4, 5, 6) if batch_first else (5, 4, 6)
    model = Several()
    report = record(model, [torch.zeros(shape), torch.zeros(5, dtype=torch.long)], device="cpu")
    assert [row.name for row in report.rows if row.output != row.torch] == []
    assert report.verified == "cpu", [str(finding) for finding in report.diagnostics]
    assert report.totals["params"] == size(model)
    assert report.rows[3].output[1] == (4, 4, 5, 5)


# Torch's errors, in our words ----------------------------------------------------------------------------------------


class Chain(nn.Module):
    """A forward in which each line may fail."""

    def __init__(self, *, features: int = 400, cut: bool = False) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.fc = nn.Linear(features, 10)
        self.cut = cut

    def forward(self, x: Any) -> Any:
        """Numbers for a picture."""
        y = self.features(x)
        if self.cut:
            y = torch.cat([x, y], 1)
        return self.fc(y.flatten(1))


FAULTS: dict[str, tuple[Callable[[], Any], str, str, str, str | None]] = {
    "a channel too many": (
        lambda: Chain()(torch.zeros(2, 4, 12, 12)), "SP303", "features.0", "y = self.features(x)", "in_channels=4",
    ),
    "features of another picture": (
        lambda: Chain()(torch.zeros(2, 3, 14, 14)), "SP303", "fc", "return self.fc(y.flatten(1))", "in_features=576",
    ),
    "a window too long": (
        lambda: Chain()(torch.zeros(2, 3, 2, 2)), "SP301", "features.0", "y = self.features(x)", "padding=1",
    ),
    "a join that does not fit": (
        lambda: Chain(cut=True)(torch.zeros(2, 3, 12, 12)), "SP306", "Chain", "y = torch.cat([x, y], 1)", None,
    ),
    "no module at all": (lambda: torch.zeros(2, 3) @ torch.zeros(4, 5), "SP303", "matmul", "", None),
    "a view": (lambda: torch.zeros(2, 6).view(4, 4), "SP314", "view", "", None),
    "a sum": (lambda: torch.zeros(2, 6) + torch.zeros(2, 5), "SP305", "add", "", None),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_torchs_errors_in_our_words(fault: str) -> None:
    """Which module, which line, which numbers, what mends it; torch's own error is the cause and is quoted."""
    call, code, module, line, hint = FAULTS[fault]
    with pytest.raises(shapecheck.ShapeError) as caught, shapecheck.explain():
        call()
    (finding,) = caught.value.diagnostics
    assert (finding.code, finding.layer) == (code, module)
    assert finding.file == __file__
    assert line in finding.message
    assert hint in (None, finding.hint)
    cause = caught.value.__cause__
    assert isinstance(cause, (RuntimeError, IndexError))
    assert finding.facts["torch"] in finding.message
    assert str(finding.facts["torch"])[:40] in " ".join(str(cause).split())


def test_what_is_no_shape_error_passes_untouched() -> None:
    """Errors that no rule explains are the very objects that were raised; without an error nothing happens."""
    own = RuntimeError("mine")

    def fail() -> None:
        nn.Linear(3, 4)(torch.zeros(2, 3))
        raise own

    with pytest.raises(RuntimeError) as caught, shapecheck.explain():
        fail()
    assert caught.value is own
    with pytest.raises(RuntimeError, match="dtype"), shapecheck.explain():
        nn.Linear(3, 4)(torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(KeyError), shapecheck.explain():
        dict[str, int]()["a"]
    with shapecheck.explain():
        assert nn.Linear(3, 4)(torch.zeros(2, 3)).shape == (2, 4)


def test_explain_leaves_nothing_behind() -> None:
    """Behind the context torch's errors are torch's again, and contexts may nest."""
    with shapecheck.explain(), pytest.raises(shapecheck.ShapeError), shapecheck.explain():
        Chain()(torch.zeros(2, 4, 12, 12))
    with pytest.raises(RuntimeError) as caught:
        Chain()(torch.zeros(2, 4, 12, 12))
    assert not isinstance(caught.value, shapecheck.ShapeError)
    assert not torch.nn.modules.module._global_forward_pre_hooks


class Gone(nn.Module):
    """Looks at its input and gives nothing."""

    def forward(self, x: torch.Tensor) -> None:
        """Nothing."""


class WithGone(nn.Module):
    """A layer beside one that gives nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.gone, self.act = Gone(), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The positive part of x."""
        self.gone(x)
        return self.act(x)


def test_a_call_that_gives_nothing_is_neither_right_nor_wrong() -> None:
    """A module that gives no tensor has no shape to predict: it is not counted."""
    assert counts(record(WithGone(), [torch.zeros(2, 3)])) == (1, 1, 0, 0)
