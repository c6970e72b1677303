"""The referee: what it compares, what it says when torch and prediction differ, and what it leaves untouched.

A deliberately wrong rule must be caught (in shape, in parameters, in what is refused, in what is let through), and the
prediction must stay as wrong as it was: nothing torch says enters it.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import shapecheck
from shapecheck import torch_oracle
from shapecheck.child import Answers, Death
from shapecheck.costs import available_memory, cost
from shapecheck.diagnostics import forward_error
from shapecheck.layers import LAYERS
from shapecheck.layers.conv import Conv2d
from shapecheck.layers.linear import Linear
from shapecheck.layers.pad import ZeroPad2d
from shapecheck.net import numbers
from shapecheck.report import Report
from shapecheck.stand_ins import stand_ins
from shapecheck.torch_oracle import OPERATIONS, build, module, verify, versions

ROOT = Path(__file__).parents[2]
LENET: dict[str, Any] = {
    "name": "lenet",
    "input": ["N", 1, 28, 28],
    "layers": [
        {"Conv2d": {"out_channels": 6, "kernel_size": 5, "padding": 2}}, "Sigmoid", {"AvgPool2d": 2},
        {"Conv2d": {"out_channels": 16, "kernel_size": 5}}, "Sigmoid", {"AvgPool2d": 2},
        "Flatten", {"Linear": 120}, "Sigmoid", {"Linear": 10},
    ],
}  # fmt: skip


def checked(shape: list[Any], *layers: Any, device: str = "cpu", sizes: Any = None, **top: Any) -> Report:
    """The verified report of a chain of layers."""
    return shapecheck.check({"input": shape, "layers": list(layers), **top}, sizes=sizes, device=device)


def codes(report: Report) -> list[str]:
    """The codes of a report's findings."""
    return [finding.code for finding in report.diagnostics]


# Agreement -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("device", "verified"), [("auto", "cpu"), ("cpu", "cpu"), ("meta", "meta")])
def test_a_network_is_verified_layer_by_layer(device: str, verified: str) -> None:
    """Each row carries torch's own shape, the batch standing as 2, and the report says on which device."""
    report = verify(shapecheck.load(LENET), device=device)
    assert report.verified == verified
    assert report.ok
    assert not report.diagnostics
    assert [str(row.output[0]) for row in report.layers] == ["N"] * 10
    assert [row.torch for row in report.layers][0::3] == [(2, 6, 28, 28), (2, 16, 10, 10), (2, 400), (2, 10)]


def test_several_outputs_nest_as_torch_nests_them() -> None:
    """An LSTM's row shows its output and its two states; one of several outputs can be read."""
    report = checked(
        [5, "N", 8], {"LSTM": {"hidden_size": 4}, "name": "lstm"}, {"Linear": 3, "from": "lstm[0]"}, device="cpu"
    )
    assert report.verified == "cpu"
    assert report.layers[0].torch == ((5, 32, 4), ((1, 32, 4), (1, 32, 4)))
    assert report.layers[1].torch == (5, 32, 3)


def test_the_mode_is_the_networks() -> None:
    """One value a channel is refused in training and taken in evaluation, by torch as by prediction."""
    assert checked([1, 4, 1, 1], "BatchNorm2d", mode="eval").verified == "cpu"
    training = checked([1, 4, 1, 1], "BatchNorm2d")
    assert codes(training) == ["SP315"]
    assert "Expected more than 1 value per channel" in training.diagnostics[0].facts["torch"]


def test_indices_are_whole_numbers_in_range() -> None:
    """Embedding and MaxUnpool2d get indices they can use, whatever tensor they are fed."""
    assert checked(["N", 7], {"Embedding": {"num_embeddings": 3, "embedding_dim": 5}}).layers[0].torch == (2, 7, 5)
    report = shapecheck.check({
        "input": ["N", 3, 5, 5],
        "layers": [
            {"MaxPool2d": {"kernel_size": 2, "return_indices": True}, "name": "pool"},
            {"MaxUnpool2d": 2, "from": ["pool[0]", "pool[1]"]},
        ],
    })  # fmt: skip
    assert report.verified == "cpu"
    assert report.layers[1].torch == (2, 3, 4, 4)


def test_a_false_claim_is_no_disagreement_with_torch() -> None:
    """Torch agrees with each layer where only the author's `output` is wrong."""
    report = checked([2, 3, 8, 8], {"Flatten": None, "output": [2, 100]})
    assert (report.ok, report.verified, codes(report)) == (False, "cpu", ["SP307"])


def test_progress_is_told_each_layer_with_its_verdict() -> None:
    """The callback sees every index in order, and torch's shape with it."""
    seen: list[tuple[int, Any]] = []
    report = verify(shapecheck.load(LENET), progress=lambda index, row: seen.append((index, row.torch)))
    assert seen == [(index, row.torch) for index, row in enumerate(report.layers)]


def test_every_operation_of_ours_has_its_function() -> None:
    """A layer is a class of torch.nn or stands in the table of operations, and never both."""
    assert {name for name in LAYERS if not hasattr(torch.nn, name)} == set(OPERATIONS)


@pytest.mark.parametrize("example", ["lenet", "resnet18", "unet"])
def test_the_whole_network_as_one_module(example: str) -> None:
    """`module` runs the DAG by torch's own means, and gives the predicted output shape and parameters."""
    network = shapecheck.load(ROOT / f"examples/{example}.yaml")
    chosen, report = stand_ins(network, None)
    whole = module(network, chosen)
    with torch.no_grad():
        output = whole.eval()(*(torch.zeros(numbers(shape, chosen)) for shape in report.inputs.values()))
    assert tuple(output.shape) == report.layers[-1].output
    assert sum(weights.numel() for weights in whole.parameters()) == report.totals["params"]


def test_build_gives_the_real_initialised_module() -> None:
    """`build` hands out torch's module in the layer's words, its weights drawn as torch draws them."""
    made = build(Conv2d(in_channels=64, out_channels=128, kernel_size=3))
    assert isinstance(made, torch.nn.Conv2d)
    assert made.weight.std() > 0


# Disagreement --------------------------------------------------------------------------------------------------------


def test_a_wrong_shape_rule_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that forgets half of the padding is our bug, told with all that a report needs; the prediction stays."""
    right = ZeroPad2d.shape
    monkeypatch.setattr(ZeroPad2d, "shape", lambda self, x: (*right(self, x)[:-1], right(self, x)[-1] - 1))
    report = checked([2, 3, 8, 8], {"ZeroPad2d": 1}, "Flatten")
    assert (report.verified, report.ok, codes(report)) == (None, False, ["SP401"])
    assert (report.layers[0].output, report.layers[0].torch) == ((2, 3, 10, 9), (2, 3, 10, 10))
    assert report.layers[1].torch == (2, 270), "the layer behind is judged by the input that was predicted for it"
    finding = report.diagnostics[0]
    assert finding.layer == "zeropad2d_1"
    assert "[2, 3, 10, 9]" in finding.message
    assert "[2, 3, 10, 10]" in finding.message
    assert finding.facts["versions"] == versions()
    assert str(finding.hint).startswith("this is a bug of shapeproof: please report it")
    assert "ZeroPad2d(padding=" in str(finding.hint)


def test_a_wrong_count_of_parameters_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A forgotten bias is a disagreement although all shapes are right."""
    monkeypatch.setattr(Linear, "params", lambda self: self.in_features * self.out_features)
    report = checked([2, 8], {"Linear": 4})
    assert (report.verified, codes(report)) == (None, ["SP401"])
    assert "counts 32 parameters, torch counts 36" in report.diagnostics[0].message
    assert report.layers[0].params == 32


def test_refusing_what_torch_accepts_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition that is too strict is a disagreement, beside the finding it made."""

    def refuse(self: Linear, x: Any) -> Any:
        raise forward_error("SP303", "too strict")

    monkeypatch.setattr(Linear, "shape", refuse)
    report = checked([2, 8], {"Linear": 4})
    assert codes(report) == ["SP303", "SP401"]
    assert "refuses what torch accepts (SP303)" in report.diagnostics[1].message
    assert "torch" not in report.diagnostics[0].facts


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_accepting_what_torch_refuses_is_caught(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """A condition that is forgotten is a disagreement, with torch's words."""
    monkeypatch.setattr(Linear, "shape", lambda self, x: (*x[:-1], self.out_features))
    report = checked([2, 8], {"Linear": {"in_features": 9, "out_features": 4}}, device=device)
    assert (report.verified, codes(report)) == (None, ["SP401"])
    assert "torch refuses the layer; torch says: mat1 and mat2" in report.diagnostics[0].message


def test_what_open_sizes_give_is_held_against_the_numbers_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that is right for numbers and wrong for names is caught."""
    right = ZeroPad2d.shape

    def wrong(self: ZeroPad2d, x: Any) -> Any:
        shape = right(self, x)
        return shape if isinstance(shape[-1], int) else (*shape[:-1], shape[-1] + 1)

    monkeypatch.setattr(ZeroPad2d, "shape", wrong)
    report = checked(["N", 3, "H", "W"], {"ZeroPad2d": 1})
    assert (report.verified, codes(report)) == (None, ["SP401", "SP406"])


# Refusals ------------------------------------------------------------------------------------------------------------


def test_torchs_own_words_are_quoted() -> None:
    """A layer that is refused is offered to torch, whose words stand in facts and message, in one line."""
    wrong = {"Conv2d": {"in_channels": 4, "out_channels": 2, "kernel_size": 3}}
    report = checked([2, 3, 8, 8], wrong, "Flatten")
    finding = report.diagnostics[0]
    assert (report.verified, codes(report)) == (None, ["SP303"])
    assert finding.facts["torch"].startswith("Given groups=1, weight of size [2, 4, 3, 3], expected input[2, 3, 8, 8]")
    assert finding.message.endswith(f"; torch says: {finding.facts['torch']}")
    assert "\n" not in finding.message
    assert finding.hint == "in_channels: 3"
    assert report.layers[0].torch is None
    assert report.layers[1].torch == (2, 72), "the layers behind are compared on what was meant"


def test_arguments_that_make_no_layer_are_offered_too() -> None:
    """What the constructor refuses torch is asked to construct, inferred arguments filled in from the input."""
    report = checked([2, 6, 8, 8], {"Conv2d": {"out_channels": 4, "kernel_size": 3, "groups": 4}}, {"Dropout": 1.5})
    words = [finding.facts["torch"] for finding in report.diagnostics]
    assert words == [
        "in_channels must be divisible by groups",
        "dropout probability has to be between 0 and 1, but got 1.5",
    ]


def test_a_layer_of_unknown_input_is_not_refused() -> None:
    """Where a fault leaves an input unknown, torch is not asked, and nothing is called a bug."""
    report = checked(["N", 3, 5, 5], {"Conv2d": {"out_channels": 4, "kernel_size": 9}}, "ReLU", {"Linear": 3})
    assert codes(report) == ["SP301"]
    assert report.layers[2].torch is None


def test_one_question_for_the_same_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong layer repeated is offered once."""
    asked: list[int] = []

    class Counting(Answers):
        def __init__(self, answer: Any, questions: Any) -> None:
            asked.append(len(questions))
            super().__init__(answer, questions)

    monkeypatch.setattr(torch_oracle, "Answers", Counting)
    report = checked([2, 8], {"Linear": {"in_features": 9, "out_features": 8}, "repeat": 5})
    assert asked == [1]
    assert report.diagnostics[0].facts["torch"].startswith("mat1 and mat2")


def test_a_crash_of_torch_is_survived(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an offer kills the process that tries it, the finding says so and the report is made."""
    monkeypatch.setattr(torch_oracle, "answer", lambda offer: os.abort())
    report = checked([2, 8], {"Linear": {"in_features": 9, "out_features": 4}})
    assert report.diagnostics[0].facts["torch"] == "nothing, its process ended with SIGABRT"


def test_an_offer_too_large_to_try_is_no_verdict() -> None:
    """A refused layer whose weights do not fit the memory of the offer is said not to have been tried."""
    report = checked([2, 8], {"Linear": {"in_features": 10**6, "out_features": 10**6}})
    assert codes(report) == ["SP303"]
    assert "too large to be tried" in report.diagnostics[0].facts["torch"]


def respond(question: Any) -> Any:
    """A stand-in for torch, which answers, crashes, takes too long or too much."""
    if question == "crash":
        os.abort()
    if question == "sleep":
        time.sleep(60)
    if question == "gorge":
        question = len(bytearray(3 << 30))
    return question, os.getpid()


@pytest.mark.parametrize("fork", [True, False])
def test_answers_go_on_behind_a_death(fork: bool) -> None:
    """Each question has its answer, or the death of the one who was asked, in order and never in this process."""
    with Answers(respond, [1, "crash", 2, "sleep", 3], fork=fork, seconds=3) as answers:
        found = list(answers)
    assert [one if isinstance(one, Death) else one[0] for one in found] == [
        1, Death("SIGABRT"), 2, Death("no answer in time"), 3,
    ]  # fmt: skip
    assert os.getpid() not in [one[1] for one in found if not isinstance(one, Death)]


def test_a_child_cannot_take_all_memory() -> None:
    """A question that wants 3 GiB beyond what there is ends its child, and not the machine's peace."""
    with Answers(respond, ["gorge", 1]) as answers:
        assert [one if isinstance(one, Death) else one[0] for one in answers] == [Death("exit status 2"), 1]


def test_no_child_outlives_its_questions() -> None:
    """Leaving early, as Ctrl-C does, ends the child."""
    with pytest.raises(KeyboardInterrupt), Answers(respond, ["sleep"]):
        raise KeyboardInterrupt
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


# Tensors, not shapes -------------------------------------------------------------------------------------------------


def test_a_tensor_in_pieces_is_not_our_bug() -> None:
    """View refuses what Permute gives for the way it lies in memory: a finding of its own, with what would work."""
    report = checked([2, 3, 4], {"Permute": {"dims": [0, 2, 1]}}, {"View": {"shape": [2, 12]}})
    assert (report.verified, report.ok, codes(report)) == (None, False, ["SP405"])
    assert "view size is not compatible" in report.diagnostics[0].facts["torch"]
    assert "Reshape" in str(report.diagnostics[0].hint)
    assert checked([2, 3, 4], {"Permute": {"dims": [0, 2, 1]}}, {"Reshape": {"shape": [2, 12]}}).verified == "cpu"


def test_where_meta_errs_the_cpu_is_asked() -> None:
    """Torch's meta device unshuffles an empty picture into another shape than its CPU: a note, and the CPU's shape."""
    report = checked([4, 2, 1, 0, 9], {"PixelUnshuffle": 3}, device="meta")
    assert (report.verified, report.ok, codes(report)) == ("meta", True, ["SP407"])
    assert report.layers[0].torch == report.layers[0].output == (4, 2, 1, 0, 9)


# Sizes that stand in -------------------------------------------------------------------------------------------------


def test_open_sizes_get_numbers_that_fit() -> None:
    """H and W stand for a size at which every layer fits, also where only one does; a note says which."""
    narrow = checked(
        ["N", 3, "H", "W"], {"Conv2d": {"out_channels": 4, "kernel_size": 3}}, "Flatten",
        {"Linear": {"in_features": 4 * 37 * 37, "out_features": 5}},
    )  # fmt: skip
    assert (narrow.verified, codes(narrow)) == ("cpu", ["SP406"])
    assert narrow.diagnostics[0].facts == {"N": 2, "H": 39, "W": 39}
    assert narrow.diagnostics[0].severity == "note"


def test_names_are_moved_one_at_a_time() -> None:
    """Two names that must differ each find their size."""
    spec = {
        "inputs": {"a": ["N", "T", 8], "b": ["N", "S", 8]},
        "layers": [
            {"Flatten": None, "from": "a"}, {"Linear": {"in_features": 88, "out_features": 4}, "name": "la"},
            {"Flatten": None, "from": "b"}, {"Linear": {"in_features": 104, "out_features": 4}, "name": "lb"},
            {"Add": None, "from": ["la", "lb"]},
        ],
    }  # fmt: skip
    report = shapecheck.check(spec)
    assert report.verified == "cpu"
    assert report.diagnostics[0].facts == {"N": 2, "T": 11, "S": 13}


def test_given_sizes_are_taken() -> None:
    """A size given by the caller is not replaced, and needs no note."""
    report = checked(["N", 3, "H", 8], {"Conv2d": {"out_channels": 4, "kernel_size": 3}}, sizes={"H": 20, "N": 5})
    assert (report.verified, report.layers[0].torch, codes(report)) == ("cpu", (5, 4, 18, 6), [])


# Devices -------------------------------------------------------------------------------------------------------------

HUGE = ([2, 3, 100_000, 100_000], {"Conv2d": {"out_channels": 64, "kernel_size": 3}})


def test_too_large_for_the_cpu_is_refused_and_not_swapped() -> None:
    """Asked for the CPU, a network beyond its memory is refused with an error; left to itself, it goes to meta."""
    forced = checked(*HUGE, device="cpu")
    assert (forced.verified, forced.ok, codes(forced)) == (None, False, ["SP402"])
    assert "GiB of memory are needed" in forced.diagnostics[0].message
    assert all(row.torch is None for row in forced.layers)
    assert checked(*HUGE, device="auto").verified == "meta"


def test_too_much_work_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose arithmetic would keep a person waiting goes to meta, however small; the CPU refuses it."""
    network = shapecheck.load(LENET)
    work = stand_ins(network, None)[1].totals["macs"]
    monkeypatch.setattr(torch_oracle, "AUTO_WORK", work)
    monkeypatch.setattr(torch_oracle, "CPU_WORK", work)
    assert [verify(network, device=device).verified for device in ("auto", "cpu")] == ["cpu", "cpu"]
    monkeypatch.setattr(torch_oracle, "AUTO_WORK", work - 1)
    assert verify(network, device="auto").verified == "meta"
    monkeypatch.setattr(torch_oracle, "CPU_WORK", work - 1)
    assert codes(verify(network, device="cpu")) == ["SP402"]


def test_too_large_for_any_device() -> None:
    """Tensors that torch cannot address, weights included, are refused on meta as well."""
    for shape, width in (([2**30, 2**30, 3], 3), ([2, 2**31], 2**31 - 1)):
        report = checked(shape, {"Linear": {"out_features": width}}, device="meta")
        assert (report.verified, codes(report)) == (None, ["SP402"])
        assert "cells is beyond what torch can address" in report.diagnostics[0].message


def test_no_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA asked for where there is none is an error, and nothing else is used instead."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    report = checked([2, 8], {"Linear": 4}, device="cuda")
    assert (report.verified, codes(report)) == (None, ["SP404"])


def test_no_such_device() -> None:
    """Another device is a wrong call."""
    with pytest.raises(ValueError, match="must be one of auto, cpu, meta, cuda"):
        verify(shapecheck.load(LENET), device="tpu")


BLOCKED = "import sys; sys.modules['torch'] = None"
BROKEN = """
import sys, importlib.abc
class Broken(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            raise OSError("libtorch_cpu.so: cannot open shared object file")
sys.meta_path.insert(0, Broken())
"""


@pytest.mark.parametrize(("trouble", "words"), [(BLOCKED, "ModuleNotFoundError"), (BROKEN, "OSError: libtorch_cpu.so")])
def test_without_torch_there_is_a_prediction_and_a_note(trouble: str, words: str) -> None:
    """Where torch is missing or broken the report is ok and not verified, and says how to get the referee."""
    code = f"""{trouble}
import shapecheck
report = shapecheck.check({LENET!r})
assert report.ok and report.verified is None
finding, = report.diagnostics
assert (finding.code, finding.severity) == ("SP403", "note"), finding
assert {words!r} in finding.message, finding
assert "pip install 'shapeproof[torch]'" in finding.hint
assert report.layers[-1].torch is None and report.layers[-1].output[-1] == 10
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, timeout=60)


# What it costs, and what it leaves alone ------------------------------------------------------------------------------


def test_one_modules_weights_live_at_a_time_and_tensors_die_after_use() -> None:
    """Behind each layer of a deep chain there is no weight left, and no more tensors than the last one."""

    def tensors() -> int:
        return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())

    def count(index: int, row: Any) -> None:
        alive.append(tensors() - before)

    gc.collect()
    before = tensors()
    alive: list[int] = []

    verify(shapecheck.load({"input": [2, 64], "layers": [{"Linear": 64, "repeat": 30}]}), progress=count)
    assert max(alive) <= 2, "the last output, and the state of the caller's random numbers"


def test_the_estimate_bounds_what_is_held() -> None:
    """A chain's estimate counts two neighbours and one layer's weights, not the sum of all."""
    deep = shapecheck.infer(shapecheck.load({"input": [2, 1000], "layers": [{"Linear": 1000, "repeat": 50}]}))
    one = 1000 * 1000 + 1000
    assert 4 * one <= cost(deep).memory < 8 * one
    assert cost(deep).work == 50 * 2 * 10**6
    wide = shapecheck.infer(shapecheck.load({"input": [1000, 1000], "layers": [{"Tanh": None, "repeat": 50}]}))
    assert 2 * 4 * 10**6 <= cost(wide).memory < 4 * 4 * 10**6
    assert 2**20 < available_memory() < 2**50


def test_the_callers_torch_is_left_as_it_was() -> None:
    """Random numbers, gradient mode and the number of threads are the caller's again."""
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    threads = torch.get_num_threads()
    checked([2, 64], {"Linear": 64}, "Dropout", {"Linear": {"in_features": 9, "out_features": 4}})
    assert torch.equal(torch.rand(3), expected)
    assert torch.is_grad_enabled()
    assert torch.get_num_threads() == threads


def test_an_interrupt_leaves_at_once() -> None:
    """Ctrl-C while layers are compared reaches the caller."""

    def interrupt(index: int, row: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verify(shapecheck.load(LENET), progress=interrupt)
