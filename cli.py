"""The commands `shapes` and `derive`.

Answers go to stdout, findings to stderr; the exit code is 0 where all fits, 1 where something was found, 2 for a wrong
call, 130 after Ctrl-C. A reader that has seen enough (`| head`) ends the printing, not the verdict. Only click is
imported here: each command imports what it needs, so that `shapes` starts at once and predicts without torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from shapecheck.render.paint import Painter
    from shapecheck.report import Report

FOUND, INTERRUPTED = 1, 130


class Tool(click.Group):
    """A group of commands that ends cleanly: on Ctrl-C, on a closed pipe, on a misspelt word."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; in standalone mode this ends the process with the exit code."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        _streams_take_all()
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            _flush()
        except click.ClickException as error:
            error.show()
            code = error.exit_code
        except (click.Abort, KeyboardInterrupt):
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of that name; the error for another word says what was probably meant."""
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            near = get_close_matches(word, self.commands, 1)
            if near:
                ctx.fail(f"there is no command {word!r}; did you mean {near[0]!r}?")
            if "--net" in (name for option in self.params for name in option.opts) and _looks_like_file(word):
                ctx.fail(f"there is no command {word!r}; did you mean `{ctx.command_path} --net {word}`?")
            ctx.fail(f"there is no command {word!r}; there are {', '.join(self.commands)}")
        return super().resolve_command(ctx, args)


def _looks_like_file(word: str) -> bool:
    return word.endswith((".yaml", ".yml", ".json")) or os.path.exists(word)  # noqa: PTH110 - pathlib costs start-up


def _streams_take_all() -> None:
    """Let a stream that is closed swallow all, and one of a narrow encoding (ASCII) escape what it cannot hold."""
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _print(pieces: Iterable[str]) -> None:
    """Write the pieces to stdout until they end or nobody reads them; all are made either way."""
    for piece in pieces:
        _put(sys.stdout, piece)
    _flush()


def _flush() -> None:
    """Write out what is left."""
    _put(sys.stdout, "", flush=True)


def _say(text: str) -> None:
    """Write to stderr."""
    _put(sys.stderr, text, flush=True)


def _put(stream: TextIO, text: str, *, flush: bool = False) -> None:
    """Write to a stream, unless nobody reads it any more."""
    try:
        stream.write(text)
        if flush:
            stream.flush()
    except BrokenPipeError:
        _forget(stream)
    except OSError as error:
        _forget(stream)
        raise click.ClickException(f"cannot write: {error.strerror}") from None


def _forget(stream: TextIO) -> None:
    """Point a stream at nothing: the interpreter flushes it once more when it ends."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


# shapes --------------------------------------------------------------------------------------------------------------


def _sizes(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, int]:
    """The sizes of `--size NAME=NUMBER` options by name."""
    sizes: dict[str, int] = {}
    for value in values:
        name, equals, number = (part.strip() for part in value.partition("="))
        try:
            size = int(number)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER, as in --size H=224") from None
        if not equals or not name:
            raise click.BadParameter(f"{value!r} is not NAME=NUMBER, as in --size H=224")
        if sizes.setdefault(name, size) != size:
            raise click.BadParameter(f"{name} is given twice: {sizes[name]} and {size}")
    return sizes


def _version(ctx: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    """Print the version and end."""
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import PackageNotFoundError, version

        try:
            click.echo(f"shapeproof {version('shapeproof')}")
        except PackageNotFoundError:
            click.echo("shapeproof, not installed")
        ctx.exit()


_VERSION = click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version and exit."
)
_OUTPUT = click.option(
    "-o", "--output", type=click.Path(), metavar="FILE", help="Write the answer to FILE, whole or not at all."
)


def _checking(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the options that say how networks are checked and shown."""
    options = [
        click.option("--size", "sizes", multiple=True, metavar="NAME=NUMBER", callback=_sizes,
                     help="A size for an open name, e.g. H=224; repeat it for several."),
        click.option("--verify/--no-verify", default=True, help="Check against torch (default), or only predict."),
        click.option("--device", type=click.Choice(["auto", "meta", "cpu", "cuda"]), default="auto", show_default=True,
                     help="Where torch runs; auto is the CPU where the network fits, else meta."),
        click.option("--eval", "evaluation", is_flag=True, help="Evaluation mode; torch's default is training."),
        click.option("--advice", is_flag=True, help="Say besides what windows leave unread; no error, no exit code."),
        click.option("--format", "format_", type=click.Choice(["table", "json", "markdown", "latex"]), default="table",
                     show_default=True, help="What the answer looks like."),
        _OUTPUT,
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _pairs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of `--arg NAME=VALUE` options by name."""
    if not values:
        return {}
    from shapecheck.models.entry import argument_of

    try:
        return dict(map(argument_of, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _inputs(ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> list[Any]:
    """The inputs of `--input SIZES` options."""
    if not values:
        return []
    from shapecheck.models.entry import shape_of

    try:
        return list(map(shape_of, values))
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _modelling(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the options about models that are code, and about how deep a table goes."""
    options = [
        click.option("--module", "entry", metavar="PLACE:NAME",
                     help="A torch module: package.module:Net, model.py:make_net. This RUNS the code it names."),
        click.option("--input", "inputs", multiple=True, metavar="SIZES", callback=_inputs,
                     help="What goes into --module: 1,3,224,224, or name=1,16:int64; repeat it for several."),
        click.option("--arg", "arguments", multiple=True, metavar="NAME=VALUE", callback=_pairs,
                     help="An argument of what --module names, e.g. num_classes=10."),
        click.option("--train", is_flag=True, help="--module in training mode; evaluation is the default there."),
        click.option("--save-spec", "spec", type=click.Path(), metavar="FILE",
                     help="Write --module's graph as a spec."),
        click.option("--depth", type=click.IntRange(min=1), metavar="N",
                     help="Show N levels of nested modules, what is below summed up."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group(cls=Tool, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--net", "nets", multiple=True, type=click.Path(), metavar="FILE", help="A network's spec; repeat it for several."
)
@click.option(
    "--onnx", "onnx", multiple=True, type=click.Path(), metavar="FILE", help="A file of ONNX; repeat it for several."
)
@_modelling
@_checking
@_VERSION
@click.pass_context
def shapes(ctx: click.Context, /, nets: tuple[str, ...], onnx: tuple[str, ...], **options: Any) -> None:
    """The shapes of a network: predicted by formulas, checked against torch.

    \b
      shapes --net lenet.yaml                  what every layer's shape is
      shapes --net lenet.yaml --no-verify      the same without torch
      shapes --module model.py:Net --input 1,3,224,224
      shapes --onnx model.onnx                 a file of ONNX, by ONNX's rules
      shapes explain SP301                     what a finding means

    Exit code: 0 all fits, 1 something was found, 2 a wrong call.
    """
    given = [name for name in ctx.params if ctx.get_parameter_source(name) is not _default_source()]
    if ctx.invoked_subcommand is not None:
        if given:
            ctx.fail(f"options of a check do not go before `{ctx.invoked_subcommand}`; write them after it")
        return
    model = {name: options.pop(name) for name in ("entry", "inputs", "arguments", "train", "spec")}
    if model["entry"] is not None:
        if nets or onnx:
            ctx.fail("one of --net, --module and --onnx")
        ctx.exit(_check_module(**model, **options))
    if onnx:
        if nets or any(model.values()):
            ctx.fail("one of --net, --module and --onnx")
        ctx.exit(_check_onnx(onnx, **options))
    if not nets:
        if given:
            ctx.fail("which network? Name its spec, --net FILE, or a torch module, --module model.py:Net")
        click.echo(ctx.get_help())
        return
    unused = [name for name, value in model.items() if value]
    if unused:
        ctx.fail("--input, --arg, --train and --save-spec go with --module")
    ctx.exit(_check(nets, **options))


def _check_module(
    entry: str,
    inputs: list[Any],
    arguments: dict[str, Any],
    train: bool,
    spec: str | None,
    *,
    depth: int | None,
    sizes: dict[str, int],
    verify: bool,
    device: str,
    evaluation: bool,
    advice: bool,
    format_: str,
    output: str | None,
) -> int:
    """Build and follow a torch module, show its layers, save its spec; the exit code."""
    from shapecheck.models.command import report_of, spec_of

    if train and evaluation:
        raise click.UsageError("either --train or --eval")
    if device not in ("auto", "meta"):
        raise click.UsageError("--module is followed on torch's meta device: nothing is computed")
    _say(f"running the code of {entry.rpartition(':')[0]} to build {entry.rpartition(':')[2]} and follow its forward\n")
    report = _advised(report_of(entry, inputs, arguments, training=train, verify=verify, sizes=sizes), advice)
    if format_ == "table":
        _deliver(_as_tree([report], depth, output), output)
    else:
        _deliver(_rendered(iter([report]), format_, False), output, format_)
    ok = _told(report.diagnostics)
    if spec is None:
        return 0 if ok else FOUND
    from shapecheck.diagnostics import SpecError

    try:
        _write([spec_of(report, entry)], spec, "strict")
    except SpecError as error:
        ok = _told(error.diagnostics)
    return 0 if ok else FOUND


def _check_onnx(
    files: tuple[str, ...],
    *,
    depth: int | None,
    sizes: dict[str, int],
    verify: bool,
    device: str,
    evaluation: bool,
    advice: bool,
    format_: str,
    output: str | None,
) -> int:
    """Predict and show files of ONNX, each compared with onnx's own shape inference; the exit code."""
    from shapecheck.models.onnx_files import check_onnx
    from shapecheck.render.paint import wants_colour

    if device != "auto" or evaluation:
        raise click.UsageError("--device and --eval go with --net: a file of ONNX is not run")
    if output is not None and any(os.path.realpath(output) == os.path.realpath(file) for file in files):
        raise click.UsageError(f"--output {output} would overwrite the model")
    found = []

    def reports() -> Iterator[Report]:
        for file in files:
            found.append(_advised(check_onnx(file, sizes, compare=verify), advice))
            yield found[-1]

    if format_ == "table" and depth is not None:
        _deliver(_as_tree(reports(), depth, output), output)
    else:
        _deliver(_rendered(reports(), format_, output is None and wants_colour(sys.stdout)), output, format_)
    ok = [_told(report.diagnostics) for report in found]
    return 0 if all(ok) else FOUND


def _as_tree(reports: Iterable[Report], depth: int | None, output: str | None) -> Iterator[str]:
    """The reports as trees, as wide as a terminal if they go to one."""
    from shutil import get_terminal_size

    from shapecheck.render import live, tree
    from shapecheck.render.paint import painter, wants_colour

    shown = output is None and sys.stdout.isatty()
    paint = painter(output is None and wants_colour(sys.stdout))
    rule = live.rule_for(sys.stdout) if shown else "-"
    return tree.render(reports, paint, depth, get_terminal_size().columns if shown else None, rule)


def _told(findings: Iterable[Any]) -> bool:
    """Print findings onto stderr; whether none of them is an error."""
    from shapecheck.render.findings import text
    from shapecheck.render.paint import painter, wants_colour

    paint = painter(wants_colour(sys.stderr))
    told = list(findings)
    _say("".join(f"{text(finding, paint)}\n" for finding in told))
    return not any(finding.severity == "error" for finding in told)


def _default_source() -> Any:
    return click.core.ParameterSource.DEFAULT


@shapes.command(short_help="Check FILE..., as --net does.")
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILE...")
@_checking
@click.pass_context
def check(ctx: click.Context, /, files: tuple[str, ...], **options: Any) -> None:
    """Check the networks of FILE..., as --net does: for tools that hand over many files."""
    ctx.exit(_check(files, **options))


def _check(
    nets: tuple[str, ...],
    *,
    sizes: dict[str, int],
    verify: bool,
    device: str,
    evaluation: bool,
    advice: bool,
    format_: str,
    output: str | None,
    depth: int | None = None,
) -> int:
    """Predict, show and verify networks; the exit code."""
    from shapecheck.render.paint import animates, painter, wants_colour

    run = Run(nets, sizes, device if verify else None, False if evaluation else None, advice=advice)
    if output is not None and any(os.path.realpath(output) == os.path.realpath(net) for net in nets):
        raise click.UsageError(f"--output {output} would overwrite the spec")
    if format_ == "table" and depth is not None:
        _deliver(_as_tree(run.reports(), depth, output), output)
    elif format_ == "table" and output is None and animates(sys.stdout):
        run.on_terminal(painter(wants_colour(sys.stdout)))
    else:
        colour = output is None and wants_colour(sys.stdout)
        _deliver(_rendered(run.reports(), format_, colour), output, format_)
    return 0 if run.ok else FOUND


def _rendered(reports: Iterator[Report], format_: str, colour: bool) -> Iterator[str]:
    from shapecheck.render import renderer
    from shapecheck.render.paint import painter

    if format_ == "table":
        from shapecheck.render import table

        return table.render(reports, painter(colour))
    return renderer(format_)(reports)


def _advised(report: Report, advice: bool) -> Report:
    """The report, with the advice on what its layers read where that is asked for."""
    if not advice or report.network is None:
        return report
    from shapecheck.coverage import advised

    return advised(report)


class Run:
    """The networks of one call, one after the other; `ok` is False once something is found."""

    def __init__(
        self,
        nets: tuple[str, ...],
        sizes: dict[str, int],
        device: str | None,
        training: bool | None,
        *,
        advice: bool = False,
    ) -> None:
        from shapecheck.render.paint import animates, painter, wants_colour

        self.advice = advice
        self.nets = nets
        self.sizes = sizes
        self.device = device
        self.training = training
        self.ok = True
        self.paint = painter(wants_colour(sys.stderr))
        self.animated = animates(sys.stderr)

    def reports(self) -> Iterator[Report]:
        """The reports, for a pipe or a file: verified before they are given, findings told after."""
        for net in self.nets:
            report = self.predicted(net)
            if self.device is not None and report.network is not None:
                if self.animated:
                    from shapecheck.render.live import StatusLine

                    with StatusLine(sys.stderr, report) as line:
                        report = self.verified(report, line.progress)
                else:
                    report = self.verified(report)
            yield report
            _flush()
            self.tell(report)

    def on_terminal(self, paint: Painter) -> None:
        """Show each table at once, torch's verdicts as they come, and then the findings."""
        from shutil import get_terminal_size

        from shapecheck.render import live

        for place, net in enumerate(self.nets):
            if place:
                click.echo()
            report = self.predicted(net)
            if self.device is None or report.network is None:
                live.write(report, sys.stdout, get_terminal_size().columns, paint)
            else:
                report = live.show(report, partial(self.verified, report), sys.stdout, paint)
            self.tell(report)

    def predicted(self, net: str) -> Report:
        """The report of a spec, without torch."""
        from shapecheck.api import predict

        return _advised(predict(net, self.sizes_for(net), training=self.training), self.advice)

    def sizes_for(self, net: str) -> dict[str, int]:
        """The sizes that concern a network: of several, none must have all the names."""
        if len(self.nets) == 1 or not self.sizes:
            return self.sizes
        names = self.open_names()
        elsewhere = set().union(*names.values())
        return {name: size for name, size in self.sizes.items() if name in names[net] or name not in elsewhere}

    def open_names(self) -> dict[str, set[str]]:
        """The names that each network leaves open."""
        from shapecheck.spec import read

        networks = {net: read(net).network for net in self.nets}
        return {net: set() if network is None else set(network.open_names()) for net, network in networks.items()}

    def verified(self, report: Report, progress: Callable[..., None] | None = None) -> Report:
        """The report with torch's verdict."""
        from shapecheck.torch_oracle import verify

        assert report.network is not None
        sizes = self.sizes_for(report.network.file or "")
        return verify(report.network, sizes, self.device or "auto", report=report, progress=progress)

    def tell(self, report: Report) -> None:
        """Print the findings of a report onto stderr."""
        from shapecheck.render.findings import text

        self.ok = self.ok and report.ok
        _say("".join(f"{text(finding, self.paint)}\n" for finding in report.diagnostics))


def _deliver(pieces: Iterable[str], output: str | None, format_: str = "table") -> None:
    """Print the answer, or write it to a file."""
    errors = "backslashreplace"
    if format_ == "json":
        from shapecheck.render.json import ERRORS as errors
    if output is not None:
        _write(pieces, output, errors)
        return
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors=errors)
    _print(pieces)


def _write(pieces: Iterable[str], output: str, errors: str) -> None:
    """Write a file whole or not at all: what was there stays until all is written."""
    from tempfile import NamedTemporaryFile

    target = os.path.realpath(output)
    try:
        if os.path.exists(target) and not os.path.isfile(target):  # noqa: PTH110, PTH113
            with open(target, "w", encoding="utf-8", errors=errors) as device:  # noqa: PTH123 - /dev/null, a pipe
                device.writelines(pieces)
            return
        folder = os.path.dirname(target)  # noqa: PTH120
        with NamedTemporaryFile(
            "w", dir=folder, prefix=".shapes-", delete=False, encoding="utf-8", errors=errors
        ) as file:
            try:
                file.writelines(pieces)
                file.close()
                os.chmod(file.name, _mode(target))  # noqa: PTH101
                os.replace(file.name, target)  # noqa: PTH105
            except BaseException:
                os.unlink(file.name)  # noqa: PTH108
                raise
    except OSError as error:
        raise click.UsageError(f"cannot write {output}: {error.strerror}") from None


def _mode(target: str) -> int:
    """The permissions a file has, or would get if it were made now."""
    try:
        return os.stat(target).st_mode & 0o7777  # noqa: PTH116
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _codes(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The codes that begin so, for the shell's completion."""
    from shapecheck.codes import CODES

    return [code for code in CODES if code.startswith(incomplete.upper())]


def _layer_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The layers that begin so, for the shell's completion."""
    from shapecheck.layers import LAYERS

    return [name for name in LAYERS if name.startswith(incomplete)]


def _theorem_names(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """The theorems that begin so, for the shell's completion."""
    from derive.table import THEOREMS

    return [name for name in THEOREMS if name.startswith(incomplete)]


@shapes.command("sizes", short_help="For which input sizes a network runs.")
@click.option(
    "--net", "nets", multiple=True, required=True, type=click.Path(), metavar="FILE", help="A network's spec."
)
@click.option("--where", multiple=True, metavar="CONDITION", help="What the sizes obey besides, e.g. 'H % 2 == 0'.")
@click.option("--verify/--no-verify", default=True, help="Ask torch at the borders (default), or not.")
@click.option("--eval", "evaluation", is_flag=True, help="Evaluation mode; torch's default is training.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="What the answer looks like.",
)
@_OUTPUT
@click.pass_context
def sizes_command(ctx: click.Context, /, nets: tuple[str, ...], output: str | None, **options: Any) -> None:
    """For which input sizes a network runs: the exact set, the layers that cause it, and how it is known.

    Sizes that are names in the spec are open; where only the batch is, the axes behind the channels are opened.
    Exit code: 0 there are such sizes, 1 there are none or the spec is faulty, 2 a wrong call.
    """
    from shapecheck.expressions import ExpressionError
    from shapecheck.render.sizes_run import SizesRun

    run = SizesRun(nets, say=_say, **options)
    try:
        _deliver(run.pieces(), output, "json" if options["format_"] == "json" else "table")
    except ExpressionError as error:
        raise click.UsageError(f"--where: {error.message} at character {error.offset + 1}; {error.hint}") from None
    ctx.exit(0 if run.ok else FOUND)


@shapes.command(short_help="The smallest changes that mend a spec.")
@click.option("--net", "net", type=click.Path(), required=True, metavar="FILE", help="The spec to mend.")
@click.option("--apply", "number", type=click.IntRange(min=1), metavar="K", help="Write the K-th repair into FILE.")
@click.option("--most", type=click.IntRange(min=1), default=5, show_default=True, help="How many repairs are shown.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=10.0,
    show_default=True,
    help="How long is searched.",
)
@click.option("--size", "sizes", multiple=True, metavar="NAME=NUMBER", callback=_sizes, help="A size for an open name.")
@click.option(
    "--verify/--no-verify", default=True, help="Check what is mended against torch (default), or only predict."
)
@click.option(
    "--device",
    type=click.Choice(["auto", "meta", "cpu", "cuda"]),
    default="auto",
    show_default=True,
    help="Where torch runs.",
)
@click.option("--eval", "evaluation", is_flag=True, help="Evaluation mode; torch's default is training.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def repair(ctx: click.Context, /, **options: Any) -> None:
    """The smallest changes that mend the network of FILE, as diffs of its text: the smallest first, each tried.

    \b
      shapes repair --net net.yaml               what would mend it
      shapes repair --net net.yaml --apply 1     write the first; all else in the file stays as it is

    A repair has one change or two; a spec of more faults is mended fault by fault. With the same options the numbers
    are the same.

    Exit code: 0 nothing to mend, or a repair was written; 1 repairs are shown, or none was found; 2 a wrong call.
    """
    from shapecheck.render import repair as rendering

    try:
        ctx.exit(rendering.run(_print, _say, **options))
    except rendering.NoSuchRepairError as error:
        raise click.UsageError(str(error)) from None


@shapes.command(short_help="Which sizes or arguments give a wanted output.")
@click.argument("terms", nargs=-1, metavar="[LAYER LETTER=NUMBER...]")
@click.option("--net", "net", type=click.Path(), metavar="FILE", help="The spec that is asked about.")
@click.option("--want", multiple=True, metavar="WANT", help="What shall be, e.g. 'last.output == [N, 10, *, 7]'.")
@click.option(
    "--free", multiple=True, metavar="FREE", help="What may change: H, 'c3.padding in 0..3', 'c3.stride in {1, 2}'."
)
@click.option("--size", "sizes", multiple=True, metavar="NAME=NUMBER", callback=_sizes, help="A size for an open name.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many answers are shown.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def solve(
    ctx: click.Context, /, terms: tuple[str, ...], net: str | None, format_: str, limit: int, **asked: Any
) -> None:
    """Which sizes or arguments give the output that is wanted; each answer is predicted before it is one.

    \b
      shapes solve Conv2d n=224 out=112 k=7                the letters that are missing
      shapes solve Conv2d out=112 k=7 s=2 padding=3        n from 223 to 224
      shapes solve --net net.yaml --want 'last.output[2] == 7' --free H --free 'c3.padding in 0..3'
      shapes solve --net net.yaml --want 'params <= 1e6' --free 'c3.out_channels in 16..64 step 16'

    WANT speaks of LAYER.output, .params, .macs, .receptive_field, or of the whole network's; LAYER may be `last`.

    Exit code: 0 there are answers, 1 there are none, 2 a wrong call.
    """
    if (net is None) == (not terms) or (net is None and (asked["want"] or asked["free"] or asked["sizes"])):
        raise click.UsageError("either a LAYER with its letters, or --net FILE with --want and --free")
    from shapecheck.diagnostics import SpecError
    from shapecheck.questions import QuestionError
    from shapecheck.render import solving

    try:
        answers = solving.ask(terms, net, **asked)
    except (QuestionError, SpecError) as error:
        raise click.UsageError(str(error)) from None
    _deliver(solving.pieces(answers, format_, limit), None, "json" if format_ == "json" else "table")
    ctx.exit(0 if answers else FOUND)


@shapes.command(short_help="What a finding means.")
@click.argument("code", required=False, shell_complete=_codes)
def explain(code: str | None) -> None:
    """What a finding means, wrong and right; all codes when none is given."""
    from shapecheck.codes import CODES
    from shapecheck.render import explain as pages

    if code is None:
        _print(pages.listing(_stdout_painter()))
        return
    word = code.upper() if code.upper().startswith("SP") else f"SP{code}"
    if word not in CODES:
        raise click.UsageError(f"there is no code {code!r}; `shapes explain` lists all")
    _print(pages.page(word, _stdout_painter()))


@shapes.command(short_help="The layers there are.")
@click.argument("layer", required=False, shell_complete=_layer_names)
def layers(layer: str | None) -> None:
    """The layers there are; of one LAYER its arguments, formula, conditions and an example."""
    from shapecheck.layers import LAYERS
    from shapecheck.render import catalogue

    if layer is None:
        _print(catalogue.listing(_stdout_painter()))
        return
    if layer not in LAYERS:
        from shapecheck.layers.base import closest
        from shapecheck.single import TYPE_ALIASES

        near = closest(layer, LAYERS, TYPE_ALIASES)
        raise click.UsageError(
            f"there is no layer {layer!r}; " + (f"did you mean {near}?" if near else "`shapes layers` lists all")
        )
    _print(catalogue.page(layer, _stdout_painter()))


@shapes.command(short_help="The JSON Schema of a spec.")
@_OUTPUT
def schema(output: str | None) -> None:
    """The JSON Schema of a spec, for editors that complete and check YAML."""
    from json import dumps

    from shapecheck.schema import schema

    _deliver([dumps(schema(), indent=2, ensure_ascii=False) + "\n"], output, "json")


def _stdout_painter() -> Painter:
    from shapecheck.render.paint import painter, wants_colour

    return painter(wants_colour(sys.stdout))


# derive --------------------------------------------------------------------------------------------------------------


@click.group(cls=Tool, context_settings={"help_option_names": ["-h", "--help"]}, invoke_without_command=True)
@_VERSION
@click.pass_context
def derive(ctx: click.Context) -> None:
    """The formulas of convolution as theorems, proved step by step.

    \b
      derive list                     all theorems
      derive show flip-2d             one, with its proof
      derive recheck --all            play every proof anew
      derive check 'n//s <= n/s'      prove or refute a formula
      derive errata                   the lecture notes' mistakes, found
      derive confirm                  ask another prover

    Exit code: 0 all is well, 1 a proof failed or a claim is not proved, 2 a wrong call.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@derive.command("list")
def list_() -> None:
    """All theorems, chapter by chapter."""
    from derive import commands

    _print([commands.listing().rstrip("\n") + "\n"])


@derive.command()
@click.argument("name", shell_complete=_theorem_names)
@click.option(
    "--format", "format_", type=click.Choice(["text", "latex", "markdown"]), default="text", show_default=True
)
@_OUTPUT
def show(name: str, format_: str, output: str | None) -> None:
    """The theorem NAME with its proof."""
    from derive import commands

    _known([name])
    _deliver([commands.show(name, format_).rstrip("\n") + "\n"], output)


@derive.command(short_help="Play proofs anew.")
@click.argument("names", nargs=-1, shell_complete=_theorem_names, metavar="[NAME...]")
@click.option("--all", "all_", is_flag=True, help="All theorems, as when no NAME is given.")
@click.pass_context
def recheck(ctx: click.Context, names: tuple[str, ...], all_: bool) -> None:
    """Play the proofs of NAME... anew, and test what they state on small sizes."""
    from derive import commands

    if names and all_:
        raise click.UsageError("either names or --all")
    _known(names)
    failed = False
    timed = sys.stdout.isatty()

    def lines() -> Iterator[str]:
        nonlocal failed
        for name, error, seconds in commands.recheck(names):
            failed |= error is not None
            yield f"{name}: {'proved' if error is None else 'FAILED'}{f' ({seconds:.2f} s)' if timed else ''}\n"
            if timed:
                sys.stdout.flush()
            if error is not None:
                _flush()
                _say(f"{name}: {error}\n")

    _print(lines())
    ctx.exit(FOUND if failed else 0)


@derive.command(short_help="Ask other provers.")
@click.argument("names", nargs=-1, shell_complete=_theorem_names, metavar="[NAME...]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="For each prover and fact; after that the verdict is unknown.",
)
@click.pass_context
def confirm(ctx: click.Context, names: tuple[str, ...], timeout: float) -> None:
    """Put the facts about integers on which NAME... (or all theorems) rest to cvc5, and to Z3 in another translation,
    and evaluate the theorems about integers at 10,000 random points each.

    What a prover settles in time is confirmed, what it does not is unknown. cvc5 comes with shapeproof[cvc5].

    Exit code: 0 no prover disagrees, 1 one does, or cvc5 is missing, 2 a wrong call.
    """
    from derive import second_opinion

    _known(names)
    opinions: list[second_opinion.Opinion] = []

    def lines() -> Iterator[str]:
        for opinion in second_opinion.confirm(names, timeout):
            opinions.append(opinion)
            yield f"{opinion.text()}\n"
            _flush()
            _say("".join(f"{line}\n" for line in opinion.wrong))
        yield f"\n{second_opinion.summary(opinions)}\n"

    _print(lines())
    if not second_opinion.version():
        _say("cvc5 is not installed, nothing is confirmed: pip install 'shapeproof[cvc5]'\n")
    ctx.exit(FOUND if any(opinion.wrong for opinion in opinions) or not second_opinion.version() else 0)


@derive.command("check", short_help="Prove or refute a formula.")
@click.argument("claim", required=False)
@click.option("--where", multiple=True, metavar="COND", help="A condition, e.g. 's | n'; n >= 0 replaces n's domain.")
@click.option("--file", "file", type=click.Path(), metavar="FILE", help="A YAML list of claims instead of one claim.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="For each claim; after that the verdict is unknown.",
)
@click.pass_context
def judge(
    ctx: click.Context, claim: str | None, where: tuple[str, ...], file: str | None, format_: str, timeout: float
) -> None:
    """Prove CLAIM for all integers, or refute it by its smallest counterexample.

    \b
      derive check 'floor((n-k+p+s)/s) == floor((n-k+p)/s) + 1'
      derive check 'floor(n/s) == ceil(n/s)' --where 's | n'

    In claims / divides exactly and // rounds down; ^ is a power, s | n says that s divides n; LaTeX will do too.
    Letters are integers: n, k, s, d and all that divide are >= 1, others >= 0, unless --where says otherwise. A claim
    that begins with a minus goes behind --.

    Exit code: 0 proved, 1 refuted or unknown, 2 a wrong call.
    """
    if (claim is None) == (file is None):
        raise click.UsageError("a CLAIM or --file FILE: which formula?" if claim is None else "either CLAIM or --file")
    if file is not None and where:
        raise click.UsageError("with --file, conditions stand in the file: where: 's | n'")
    from derive.claim_parser import ClaimError
    from derive.claims import Disagreement

    try:
        proved = _judge_file(file, format_, timeout) if file else _judge_claim(claim or "", where, format_, timeout)
    except ClaimError as error:
        raise click.UsageError(str(error)) from None
    except Disagreement as error:
        raise click.ClickException(f"the provers disagree, and no verdict is given: {error}") from None
    ctx.exit(0 if proved else FOUND)


def _judge_claim(claim: str, where: tuple[str, ...], format_: str, timeout: float) -> bool:
    """Print the verdict on one claim; whether it is proved."""
    from json import dumps

    from derive.claims import PROVED, check

    verdict = check(claim, where, timeout)
    _print([dumps(verdict.to_dict(), ensure_ascii=False) if format_ == "json" else verdict.text(), "\n"])
    return verdict.verdict == PROVED


def _judge_file(file: str, format_: str, timeout: float) -> bool:
    """Print the verdicts on the claims of a file, each as it is found; whether all are proved."""
    from json import dumps

    from derive.claim_files import FileError, read, table
    from derive.claims import PROVED, Verdict, check

    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - as elsewhere here
            entries = read(stream.read(), file)
    except OSError as error:
        raise click.UsageError(f"cannot read {file}: {error.strerror}") from None
    except FileError as error:
        raise click.UsageError(str(error)) from None
    verdicts: list[Verdict] = []

    def judged() -> Iterator[Verdict]:
        for entry in entries:
            verdicts.append(check(entry.claim, entry.where, timeout))
            yield verdicts[-1]

    if format_ == "json":
        _print([dumps([verdict.to_dict() for verdict in judged()], indent=2, ensure_ascii=False), "\n"])
    else:
        _print(f"{line}\n" for line in table(entries, judged()))
    return all(verdict.verdict == PROVED for verdict in verdicts)


@derive.command(short_help="Find the lecture notes' mistakes.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "markdown", "latex", "json"]),
    default="text",
    show_default=True,
)
@_OUTPUT
@click.pass_context
def errata(ctx: click.Context, format_: str, output: str | None) -> None:
    """The seventeen mistakes of the lecture notes, each with what a machine says of it now.

    Exit code: 0 every mistake is found, 1 one is not.
    """
    from derive import errata as mistakes

    found: list[bool] = []

    def findings() -> Iterator[mistakes.Finding]:
        for finding in mistakes.find():
            found.append(finding.found)
            yield finding
            _flush()

    _deliver(mistakes.PAGES[format_](findings()), output, format_)
    ctx.exit(0 if all(found) else FOUND)


@derive.command()
@_OUTPUT
def book(output: str | None) -> None:
    """All theorems and proofs as one LaTeX document."""
    from derive import commands

    _deliver([commands.book().rstrip("\n") + "\n"], output)


def _known(names: Iterable[str]) -> None:
    """Refuse names that are no theorems."""
    from derive.table import THEOREMS

    for name in names:
        if name not in THEOREMS:
            near = get_close_matches(name, list(THEOREMS), 1)
            raise click.UsageError(
                f"there is no theorem {name!r}; " + (f"did you mean {near[0]}?" if near else "`derive list` lists all")
            )
