"""The zoo: real models, each leaf call predicted and compared with torch, each graph captured where it can be.

    python -m benchmarks.zoo                      every model below, the results kept in zoo.jsonl, then the table
    python -m benchmarks.zoo resnet10 vgg11       these models only
    python -m benchmarks.zoo --table > docs/zoo.md    the page of what zoo.jsonl holds

The models: the first of each family of pytorchcv that takes one picture, and the vision models of transformers, built
from small configurations; nothing is downloaded. Weights stand on the meta device: only shapes are computed. A further
size is another picture, or where the model takes no other, another batch. A run that is stopped goes on where it was.
Needs the extra `zoo`.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import re
import signal
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

RESULTS = Path(__file__).with_name("zoo.jsonl")
LIMIT = 180  # seconds a model may take
OTHER_INPUTS = frozenset(
    {
        *("voca", "nvpattexp", "visemenet", "jasper", "jasperdr", "quartznet"),
        *("raft", "propainter_rfc", "propainter_ip", "propainter"),
    }
)
"""The families of pytorchcv that take something else than one picture: sound, pairs of pictures, video."""

CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "ViT": (
        "ViTConfig",
        {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96},
    ),
    "DeiT": (
        "DeiTConfig",
        {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96},
    ),
    "Beit": (
        "BeitConfig",
        {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96},
    ),
    "Swin": ("SwinConfig", {"embed_dim": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]}),
    "Swinv2": ("Swinv2Config", {"embed_dim": 24, "depths": [1, 1, 1, 1], "num_heads": [1, 2, 4, 8]}),
    "ConvNext": ("ConvNextConfig", {"hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 2, 1]}),
    "ConvNextV2": ("ConvNextV2Config", {"hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 2, 1]}),
    "ResNet": (
        "ResNetConfig",
        {"embedding_size": 16, "hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 1, 1]},
    ),
    "RegNet": (
        "RegNetConfig",
        {"embedding_size": 16, "hidden_sizes": [16, 32, 64, 128], "depths": [1, 1, 1, 1], "groups_width": 16},
    ),
    "MobileNetV1": ("MobileNetV1Config", {"depth_multiplier": 0.25}),
    "MobileNetV2": ("MobileNetV2Config", {"depth_multiplier": 0.35}),
    "MobileViT": ("MobileViTConfig", {}),
    "EfficientNet": ("EfficientNetConfig", {"width_coefficient": 0.5, "depth_coefficient": 0.5, "hidden_dim": 640}),
    "Segformer": ("SegformerConfig", {"depths": [1, 1, 1, 1]}),
    "PoolFormer": ("PoolFormerConfig", {"depths": [1, 1, 1, 1], "hidden_sizes": [16, 32, 64, 128]}),
    "Cvt": ("CvtConfig", {"embed_dim": [16, 48, 96]}),
    "Levit": ("LevitConfig", {}),
    "Pvt": ("PvtConfig", {"depths": [1, 1, 1, 1]}),
    "Dinov2": ("Dinov2Config", {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}),
    "Bit": ("BitConfig", {"depths": [1, 1, 1, 1]}),
    "FocalNet": ("FocalNetConfig", {"embed_dim": 24, "depths": [1, 1, 1, 1]}),
    "Data2VecVision": ("Data2VecVisionConfig", {"hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}),
}
"""Name of the model -> its class of configuration and the arguments that make it small."""


class Late(BaseException):
    """The time is up; no `except Exception` of a model may take it."""


class Entry(NamedTuple):
    """A model of the zoo: how it is built, the shape it is run with, a second one."""

    name: str
    build: Callable[[], Any]
    shape: tuple[int, ...]
    further: tuple[int, ...]


def main() -> None:
    """Nothing; the results are kept as they come, and the table is printed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.zoo", description="Real models, leaf call by leaf call."
    )
    parser.add_argument("models", nargs="*", help="names of models (default: all)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where results are kept (default: %(default)s)")
    parser.add_argument("--table", action="store_true", help="only print the table of the results")
    options = parser.parse_args()
    known = _kept(options.results)
    if not options.table:
        entries = [entry for entry in zoo() if not options.models or entry.name in options.models]
        if unknown := set(options.models) - {entry.name for entry in entries}:
            parser.error(f"no such model: {', '.join(sorted(unknown))}")
        left = [entry for entry in entries if entry.name not in known or options.models]
        with contextlib.suppress(KeyboardInterrupt), options.results.open("a") as kept:
            for entry in _progress(left):
                known[entry.name] = visit(entry)
                kept.write(json.dumps(known[entry.name]) + "\n")
                kept.flush()
    print(table(known.values()))


def _kept(file: Path) -> dict[str, dict[str, Any]]:
    """The results in a file, the last of each model; a line cut short is left out."""
    known = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        with contextlib.suppress(json.JSONDecodeError):
            result = json.loads(line)
            known[result["model"]] = result
    return known


def zoo() -> Iterator[Entry]:
    """Every model of the zoo."""
    from pytorchcv import model_provider

    seen = set(OTHER_INPUTS)
    for name, make in model_provider._models.items():
        family = make.__module__.rpartition(".")[2]
        if family not in seen:
            seen.add(family)
            yield Entry(name, _pytorchcv(make), *_shapes(make))
    for name, (config, arguments) in CONFIGS.items():
        yield Entry(f"transformers {name}", _transformers(config, arguments), (1, 3, 224, 224), (2, 3, 224, 224))


def _pytorchcv(make: Callable[..., Any]) -> Callable[[], Any]:
    return lambda: make(pretrained=False)


def _shapes(make: Callable[..., Any]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape the family's pictures have, by its signature, and another one: half as large again, two pictures."""
    import inspect

    module = sys.modules[make.__module__]
    classes = [part for part in vars(module).values() if isinstance(part, type) and part.__module__ == module.__name__]
    given = [inspect.signature(part).parameters for part in classes]
    sizes = [words["in_size"].default for words in given if "in_size" in words]
    height, width = next((size for size in sizes[::-1] if isinstance(size, tuple)), (224, 224))
    colours = [words["in_channels"].default for words in given if "in_channels" in words]
    channels = next((count for count in colours[::-1] if isinstance(count, int)), 3)
    return (1, channels, height, width), (2, channels, height * 3 // 2 // 32 * 32, width * 3 // 2 // 32 * 32)


def _transformers(config: str, arguments: Mapping[str, Any]) -> Callable[[], Any]:
    def build() -> Any:
        import transformers

        return transformers.AutoModel.from_config(getattr(transformers, config)(**arguments))

    return build


def visit(entry: Entry) -> dict[str, Any]:
    """What is found of one model, as plain data; a model that cannot be built or run says why under "error"."""
    result: dict[str, Any] = {"model": entry.name, "input": list(entry.shape)}
    with _time_limit(LIMIT), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _measure(entry, result)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a model of the zoo may do anything
            result["error"] = f"{type(error).__name__}: {error}"[:300]
    gc.collect()
    return result


def _measure(entry: Entry, result: dict[str, Any]) -> None:
    """Fill the result with what calls, graph, a further size, torch and torchinfo say."""
    import torch

    from shapecheck.models import calls

    module, picture = _built(entry)
    result["torch"] = torch.__version__
    result["parameters"] = sum(weight.numel() for weight in module.parameters())
    report, result["calls ms"] = _timed(lambda: calls.record(module, [picture]))
    result["calls"] = calls.counts(report)._asdict()
    result["calls parameters"] = report.totals["params"]
    result["no rule"] = sorted({row.type for row in report.rows if row.type.endswith(calls.NO_RULE)})
    _graph(entry, module, picture, result)
    with contextlib.suppress(ImportError):
        import torchinfo

        def peer() -> Any:
            return torchinfo.summary(module, input_data=[picture], device=picture.device, verbose=0, depth=99)

        try:
            result["torchinfo ms"] = _timed(peer)[1]
        except Exception as error:
            result["torchinfo"] = f"{type(error).__name__}: {error}"[:200]


def _built(entry: Entry) -> tuple[Any, Any]:
    """The model and a picture, where its forward runs: on the meta device, else for real."""
    import torch

    for device in ("meta", "cpu"):
        try:
            with torch.device(device), torch.no_grad():
                module, picture = entry.build().eval(), torch.zeros(entry.shape)
                module(picture)  # what is loaded or compiled at a first call is nobody's time
            return module, picture
        except Exception:
            if device == "cpu":
                raise
    raise AssertionError


def _graph(entry: Entry, module: Any, picture: Any, result: dict[str, Any]) -> None:
    """Fill in whether there is a graph, and what it says of a further size, held against torch."""
    from shapecheck import infer
    from shapecheck.models import graph

    try:
        captured, result["graph ms"] = _timed(lambda: graph.record(module, [picture]))
    except graph.Uncaptured as error:
        result["graph"] = f"no: {error}"[:300]
        return
    kinds = sorted({name.rpartition(".")[2].rstrip("_0123456789") for name in captured.unruled})
    result["graph"] = f"without a rule: {', '.join(kinds)}" if kinds else "yes"
    result["graph rows"] = len(captured.network.nodes)
    result["graph parameters"] = infer(captured.network, captured.hints).totals["params"]
    for further in (entry.further, (3, *entry.shape[1:])):
        if _further(module, captured, further, result):
            return


def _further(module: Any, captured: Any, further: tuple[int, ...], result: dict[str, Any]) -> bool:
    """Predict the graph for this size of the input and hold it against torch; False where this size does not fit."""
    import torch

    from shapecheck import infer
    from shapecheck.models import graph

    (shape,) = captured.network.inputs.values()
    if any(isinstance(dim, int) and dim != size for dim, size in zip(shape, further, strict=True)):
        places = {place.rpartition("/")[2] for place in captured.pins.values()}
        result["further"] = f"fixed: {', '.join(sorted(places)) or 'numbers in forward'}"[:300]
        return False
    sizes = {str(dim): size for dim, size in zip(shape, further, strict=True) if not isinstance(dim, int)}
    predicted, result["further ms"] = _timed(lambda: infer(captured.network, sizes))
    if any(finding.code == "SP601" for finding in predicted.diagnostics):
        result["further"] = "another branch of the code: record it again"
        return False
    try:
        made = graph.record(module, [torch.empty(further, device="meta")], open_names=False)
    except Exception as error:
        result["further"] = f"{'wrong: ' if predicted.ok else ''}torch refuses: {error}"[:200]
        return predicted.ok
    agrees = predicted.ok and _agree(predicted, made)
    result["further"] = f"{'agrees' if agrees else 'wrong'}: {'x'.join(map(str, further))}"
    return True


def _agree(predicted: Any, made: Any) -> bool:
    """Whether torch gives what is predicted for each row that both have, and for the last.

    A recording with numbers has fewer rows: what is made of weights alone is a constant there.
    """
    torch = dict(zip([node.name for node in made.network.nodes], made.torch, strict=True))
    common = [row for row in predicted.rows if row.name in torch and row.type != "Constant"]
    same = all(row.output == torch[row.name] for row in common)
    return same and len(common) > len(torch) * 0.9 and predicted.rows[-1].output == made.torch[-1]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the milliseconds of processor time it took."""
    gc.collect()
    before = time.process_time()
    made = work()
    return made, round((time.process_time() - before) * 1e3, 3)


@contextlib.contextmanager
def _time_limit(seconds: int) -> Iterator[None]:
    """Interrupt what takes longer, where the system has alarms."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Late(f"took more than {seconds} seconds")

    if not hasattr(signal, "SIGALRM"):
        yield
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _progress(entries: Sequence[Entry]) -> Iterator[Entry]:
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("the zoo", total=len(entries))
        for entry in entries:
            progress.update(task, description=entry.name)
            yield entry
            progress.advance(task)


def table(results: Iterable[Mapping[str, Any]]) -> str:
    """The results as Markdown: totals first, then a row a model."""
    found = list(results)
    ran = [result for result in found if "calls" in result]
    lines = [HEAD.format(torch=", ".join(sorted({result["torch"] for result in ran}))), *_totals(found, ran), ""]
    lines += [_line(COLUMNS), _line(["---"] * len(COLUMNS))]
    lines += [_line(_cells(result)) for result in found]
    return "\n".join(lines)


HEAD = """# The zoo

Real models, each built without its weights: the first of every family of pytorchcv that takes one picture, and the
vision models of transformers from small configurations. Every call of a leaf module is predicted from its inputs'
shapes and compared with torch (agreed, disagreed, no rule). Where the graph can be followed, another input size is
predicted without running the model, and compared with torch run at that size. Times are milliseconds of processor time
on one machine, torchinfo's beside them in the same run; torch {torch}. Made by `python -m benchmarks.zoo`.
"""
COLUMNS = (
    "model", "leaf calls", "agreed", "disagreed", "no rule", "parameters", "graph", "a further size",
    "calls, ms", "graph, ms", "torchinfo, ms", "further size, ms",
)  # fmt: skip


def _totals(found: Sequence[Mapping[str, Any]], ran: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The sums, a line each."""
    counts = {key: sum(result["calls"][key] for result in ran) for key in ("calls", "agreed", "disagreed", "no_rule")}
    share = counts["no_rule"] / max(counts["calls"], 1)
    captured = [result for result in ran if result["graph"] == "yes"]
    yield f"- {len(found)} models, {len(ran)} of them run; {counts['calls']:,} leaf calls: {counts['agreed']:,} agreed,"
    yield f"  {counts['disagreed']} disagreed, {counts['no_rule']} without a rule ({share:.2%})."
    same = sum(_same_parameters(result) for result in ran)
    yield f"- Parameters equal torch's: {same} of {len(ran)}."
    further = [result for result in captured if str(result.get("further")).startswith("agrees")]
    yield f"- Graph captured whole: {len(captured)} of {len(ran)}; another input size predicted without running, as"
    wrong = sum(str(result.get("further")).startswith("wrong") for result in captured)
    yield f"  torch gives it: {len(further)}; wrongly: {wrong}."
    ratios = [
        ("leaf calls recorded / torchinfo", "calls ms", "torchinfo ms"),
        ("graph captured / torchinfo", "graph ms", "torchinfo ms"),
        ("torchinfo / a further size predicted", "torchinfo ms", "further ms"),
    ]
    for title, a, b in ratios:
        values = [result[a] / result[b] for result in ran if result.get(a) and result.get(b)]
        if values:
            yield f"- {title}: median {statistics.median(values):.2f}, over {len(values)} models, processor time."


def _same_parameters(result: Mapping[str, Any]) -> bool:
    return result["parameters"] == result["calls parameters"] == result.get("graph parameters", result["parameters"])


def _cells(result: Mapping[str, Any]) -> list[str]:
    """The table's row of a result."""
    if "calls" not in result:
        return [result["model"], result.get("error", "?"), *[""] * (len(COLUMNS) - 2)]
    calls = result["calls"]
    times = [f"{result[key]:.3g}" if key in result else "-" for key in TIMES]
    parameters = f"{result['parameters']:,}" if _same_parameters(result) else "differ"
    return [
        result["model"], *(str(calls[key]) for key in ("calls", "agreed", "disagreed", "no_rule")),
        parameters, result["graph"], result.get("further", "-"), *times,
    ]  # fmt: skip


TIMES = ("calls ms", "graph ms", "torchinfo ms", "further ms")


def _line(cells: Iterable[str]) -> str:
    """The cells as a row, without bars, breaks and the folders of this machine."""
    told = (re.sub(r"/\S+/", "", str(cell).replace("|", "/").replace("\n", " ")) for cell in cells)
    return f"| {' | '.join(told)} |"


if __name__ == "__main__":
    main()
