"""The commands `shapes` and `derive` as a shell sees them: exit codes, streams, files, terminals, signals.

Main results: 0 all fits, 1 something found, 2 a wrong call, 130 after Ctrl-C; answers on stdout, findings on stderr; a
closed pipe or an ASCII one is no trouble; on a terminal the prediction stands before torch is asked; `-o` writes whole
or not at all.
"""

from __future__ import annotations

import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

import cli

ROOT = Path(__file__).parents[2]
LENET = "examples/lenet.yaml"
SHAPES = "import cli; cli.shapes(prog_name='shapes')"
SGR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(variable, raising=False)


def shapes(*arguments: str) -> Result:
    """What `shapes` prints and how it ends, in this process."""
    return CliRunner().invoke(cli.shapes, arguments, prog_name="shapes")


def derive(*arguments: str) -> Result:
    """What `derive` prints and how it ends, in this process."""
    return CliRunner().invoke(cli.derive, arguments, prog_name="derive")


def process(*arguments: str, first: str = "", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """What `shapes` prints and how it ends in a process of its own, its output in pipes; `first` runs before."""
    command = [sys.executable, "-c", f"{first}\n{SHAPES}", *arguments]
    return subprocess.run(
        command, capture_output=True, cwd=ROOT, env={**os.environ, **environment}, timeout=120, check=False
    )


@pytest.fixture
def spec(tmp_path):
    """A function that writes a spec and gives its path."""

    def write(text: str, name: str = "net.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


RIGHT = "input: [N, 8]\nlayers: [{Linear: 4}]\n"
WRONG = "input: [N, 8]\nlayers:\n  - Linear: {in_features: 9, out_features: 4}\n"


# exit codes and streams ----------------------------------------------------------------------------------------------


def test_what_fits_ends_with_0():
    """A right network: its table on stdout, nothing on stderr, exit code 0."""
    result = shapes("--net", LENET, "--no-verify")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert "LeNet-5" in result.stdout
    assert "61,706 parameters" in result.stdout


def test_what_is_found_ends_with_1(spec):
    """A wrong network: its table on stdout, the finding with place, code and hint on stderr, exit code 1."""
    path = spec(WRONG)
    result = shapes("--net", path, "--no-verify")
    assert result.exit_code == 1
    first, hint = result.stderr.splitlines()
    assert re.fullmatch(re.escape(path) + r":3:\d+: SP303 linear_1: .+", first)
    assert hint.startswith("  hint: in_features: 8")
    assert "linear_1" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--nett", "x"], "--net"),
        (["explian", "SP301"], "did you mean 'explain'?"),
        ([LENET], f"did you mean `shapes --net {LENET}`?"),
        (["dance"], "there are check, sizes, repair, solve, explain, layers, schema"),
        (["--net", LENET, "explain", "SP301"], "do not go before `explain`"),
        (["--no-verify"], "which network?"),
        (["--net", LENET, "--size", "H"], "H=224"),
        (["--net", LENET, "--size", "=3"], "H=224"),
        (["--net", LENET, "--size", "N=two"], "H=224"),
        (["--net", LENET, "--size", "N=" + "9" * 5000], "H=224"),
        (["--net", LENET, "--size", "N=1", "--size", "N=2"], "N is given twice: 1 and 2"),
        (["--net", LENET, "--device", "tpu"], "meta"),
        (["--net", LENET, "--format", "xml"], "markdown"),
        (["--net", LENET, "--no-verify", "-o", LENET], "would overwrite the spec"),
        (["--net", LENET, "--no-verify", "-o", "."], "cannot write ."),
        (["--net", LENET, "--no-verify", "-o", "no/such/folder/x"], "cannot write no/such/folder/x"),
        (["check"], "FILE"),
        (["explain", "SP999"], "`shapes explain` lists all"),
        (["layers", "Conv2"], "did you mean Conv2d?"),
        (["layers", "dense"], "did you mean Linear?"),
    ],
)
def test_a_wrong_call_ends_with_2(arguments, words):
    """A call that is wrong says how, and what was meant, on stderr; stdout stays empty; exit code 2."""
    result = shapes(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_without_arguments_there_is_help():
    """`shapes` and `derive` alone show what they can do, on stdout, and that is no error."""
    for run in (shapes, derive):
        assert run().exit_code == 0
        assert "Usage:" in run().stdout
        assert run("-h").stdout == run("--help").stdout == run().stdout


@pytest.mark.parametrize(
    "content", [None, b"", b"\x00\x01\x02", b"\xff\xfe\xfa", b"[" * 100_000, b"a: &b 1", b"- 1\n--- 2"]
)
def test_a_bad_file_is_a_finding(tmp_path, content):
    """Whatever is in a file, or if there is none, the answer is a finding and exit code 1, in every format."""
    path = tmp_path / "net.yaml"
    if content is not None:
        path.write_bytes(content)
    for format in ("table", "json", "markdown", "latex"):
        result = shapes("--net", str(path), "--no-verify", "--format", format)
        assert result.exit_code == 1, result.exception
        assert re.search(r": SP\d{3} ", result.stderr)


def test_the_json_has_the_findings_too(spec):
    """`--format json` on stdout holds all that is found; one object for a network, a list for several."""
    one = shapes("--net", spec(WRONG), "--no-verify", "--format", "json")
    assert json.loads(one.stdout)["diagnostics"][0]["code"] == "SP303"
    both = shapes("--net", spec(WRONG), "--net", LENET, "--no-verify", "--format", "json")
    assert [net["ok"] for net in json.loads(both.stdout)] == [False, True]
    assert both.exit_code == 1


def test_check_is_net_for_many_files(spec):
    """`shapes check A B` answers and ends as `shapes --net A --net B` does."""
    files = [spec(RIGHT, "a.yaml"), spec(WRONG, "b.yaml")]
    checked = shapes("check", *files, "--no-verify")
    named = shapes("--net", files[0], "--net", files[1], "--no-verify")
    assert (checked.stdout, checked.stderr, checked.exit_code) == (named.stdout, named.stderr, 1)


def test_sizes_go_to_the_networks_that_have_them(spec):
    """Of several networks none need have all names; a name that none has is found."""
    one, two = spec("input: [N, 3, H, 8]\nlayers: [ReLU]\n", "one.yaml"), spec(RIGHT, "two.yaml")
    both = shapes("check", one, two, "--no-verify", "--size", "H=5", "--size", "N=2", "--format", "json")
    assert [net["inputs"]["input"] for net in json.loads(both.stdout)] == [[2, 3, 5, 8], [2, 8]]
    assert both.exit_code == 0
    assert "SP501" in shapes("check", one, two, "--no-verify", "--size", "W=5").stderr
    assert "SP501" in shapes("check", two, "--no-verify", "--size", "H=5").stderr


def test_eval_is_evaluation_mode(spec):
    """Batch normalisation of one value is refused in training, torch's default, and not with --eval."""
    path = spec("input: [1, 8]\nlayers: [BatchNorm1d]\n")
    assert "SP315" in shapes("--net", path, "--no-verify").stderr
    assert shapes("--net", path, "--no-verify", "--eval").exit_code == 0


# files ---------------------------------------------------------------------------------------------------------------


def test_output_goes_to_the_file_and_only_there(tmp_path):
    """`-o FILE` holds what stdout would have held; the file gets ordinary permissions."""
    file = tmp_path / "out.json"
    written = shapes("--net", LENET, "--no-verify", "--format", "json", "-o", str(file))
    printed = shapes("--net", LENET, "--no-verify", "--format", "json")
    assert written.stdout == ""
    assert file.read_text(encoding="utf-8") == printed.stdout
    mask = os.umask(0)
    os.umask(mask)
    assert file.stat().st_mode & 0o777 == 0o666 & ~mask


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """Where the rendering breaks off, what stood in the file stays, and nothing else is left behind."""
    from shapecheck.render import table

    def broken(reports, paint):
        for report in reports:
            yield report.name
        raise KeyboardInterrupt

    monkeypatch.setattr(table, "render", broken)
    file = tmp_path / "out.txt"
    file.write_text("before", encoding="utf-8")
    result = shapes("--net", LENET, "--no-verify", "-o", str(file))
    assert result.exit_code == 130
    assert file.read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out.txt"]


def test_output_follows_links_and_keeps_permissions(tmp_path):
    """A link stays a link, its target is replaced, and keeps its permissions; a device is written to."""
    file, link = tmp_path / "real.txt", tmp_path / "link.txt"
    file.write_text("before", encoding="utf-8")
    file.chmod(0o640)
    link.symlink_to(file)
    assert shapes("--net", LENET, "--no-verify", "-o", str(link)).exit_code == 0
    assert link.is_symlink()
    assert "LeNet-5" in file.read_text(encoding="utf-8")
    assert file.stat().st_mode & 0o777 == 0o640
    assert shapes("--net", LENET, "--no-verify", "-o", os.devnull).exit_code == 0
    assert not Path(os.devnull).is_file()


# pipes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["table", "json", "markdown", "latex"])
def test_the_same_call_gives_the_same_bytes(format):
    """Into a pipe goes the same text each time, in another process with other hashes too, without colour."""
    arguments = ["--net", "examples/resnet18.yaml", "--no-verify", "--format", format]
    first, second = (process(*arguments, PYTHONHASHSEED=seed, TERM="xterm-256color") for seed in ("1", "2"))
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert b"\x1b" not in first.stdout


def test_a_narrow_pipe_changes_nothing():
    """COLUMNS is the terminal's business: what goes into a pipe is whole."""
    arguments = ["--net", LENET, "--no-verify"]
    assert process(*arguments, COLUMNS="20").stdout == process(*arguments, COLUMNS="300").stdout


def test_an_ascii_stream_is_no_trouble(spec):
    """Where stdout is ASCII, letters it lacks are escaped, and JSON stays JSON."""
    path = spec("name: naïve 畳\ninput: [N, 8]\nlayers: [{ReLU: , name: é}, {Linear: 3, from: ä}]\n")
    table = process("--net", path, "--no-verify", PYTHONIOENCODING="ascii")
    assert (table.returncode, b"Traceback" in table.stderr) == (1, False)
    assert b"na\\xefve" in table.stdout
    written = process("--net", path, "--no-verify", "--format", "json", PYTHONIOENCODING="ascii")
    assert json.loads(written.stdout)["name"] == "naïve 畳"


@pytest.mark.parametrize(("path", "code"), [("examples/resnet50.yaml", 0), ("examples/broken/unet.yaml", 1)])
def test_a_reader_that_has_seen_enough(path, code):
    """A closed pipe ends the printing without a word, and the exit code is still the verdict."""
    command = [sys.executable, "-c", SHAPES, "--net", path, "--no-verify", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        told = running.stderr.read()
        assert running.wait(60) == code
    assert b"Error" not in told
    assert b"Exception" not in told


def test_closed_streams_are_no_trouble():
    """With stdout and stderr closed from the start the verdict is still the exit code."""
    for path, code in ((LENET, 0), ("examples/broken/unet.yaml", 1)):
        command = f'exec "{sys.executable}" -c "{SHAPES}" --net {path} --no-verify 1>&- 2>&-'
        assert subprocess.run(command, shell=True, cwd=ROOT, timeout=60, check=False).returncode == code


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_said():
    """What cannot be written is an error in words."""
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", SHAPES, "--net", LENET, "--no-verify"]
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False)
    assert run.returncode == 1
    assert run.stderr.decode() == f"Error: cannot write: {os.strerror(28)}\n"


# terminals -----------------------------------------------------------------------------------------------------------

# A referee that waits for a file before it says "as predicted" to each layer; so a test can look in between. Ctrl-C is
# heard even where the tests themselves run in the background.
REFEREE = """
import pathlib, signal, sys, time, types
signal.signal(signal.SIGINT, signal.default_int_handler)
def verify(network, sizes=None, device="auto", report=None, progress=None):
    assert "torch" not in sys.modules
    while not pathlib.Path(sys.argv[-1]).exists():
        time.sleep(0.02)
    rows = []
    for place, row in enumerate(report.rows):
        rows.append(row._replace(torch=tuple(2 if not isinstance(dim, int) else dim for dim in row.output)))
        progress(place, rows[-1])
    return report.replace(rows=tuple(rows), verified="cpu")
sys.modules["shapecheck.torch_oracle"] = types.SimpleNamespace(verify=verify)
sys.argv, go = sys.argv[:-1], sys.argv[-1]
import click
call = click.Group.main
sys.argv.append(go)
def main(self, args=None, *rest, **more):
    return call(self, sys.argv[1:-1] if args is None else args, *rest, **more)
click.Group.main = main
"""


class Terminal:
    """A command on a pseudo-terminal: what it has printed so far, and how it ends."""

    def __init__(
        self, *arguments: str, first: str = "", columns: int = 100, rows: int = 40, **environment: str
    ) -> None:
        self.text = ""
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            full = {**os.environ, "TERM": "xterm-256color", **environment}  # readline adds COLUMNS behind its back
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(sys.executable, [sys.executable, "-c", f"{first}\n{SHAPES}", *arguments], full)

    def read(self, until: str | None = None, seconds: float = 60) -> str:
        """All that was printed until some words came, or until the end."""
        end = time.monotonic() + seconds
        while until is None or until not in self.text:
            assert time.monotonic() < end, self.text
            if not select.select([self.master], [], [], 1)[0]:
                continue
            try:
                piece = os.read(self.master, 65536)
            except OSError:
                break
            if not piece:
                break
            self.text += self.decoder.decode(piece)
        return self.text

    def end(self) -> int:
        """The exit code, once all is read."""
        self.read()
        os.close(self.master)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_the_prediction_stands_before_torch_is_asked(tmp_path):
    """On a terminal all layers are shown while the referee is still waiting; then its verdicts fill in, and stay."""
    go = tmp_path / "go"
    terminal = Terminal("--net", LENET, str(go), first=REFEREE)
    before = SGR.sub("", terminal.read("--size N=8 gives a size"))
    assert "loading torch" in before
    assert all(word in before for word in ("conv2d_1", "linear_3", "61,706 parameters"))
    assert not re.search(r"\bok\b", before)
    go.touch()
    assert terminal.end() == 0
    final = SGR.sub("", terminal.text).rpartition("LeNet-5")[2]
    assert len(re.findall(r"\bok\b", final)) == 12
    assert "verified by torch on cpu" in final


def test_ctrl_c_ends_with_130_and_leaves_the_table(tmp_path):
    """Interrupted while torch works, the table stays, says so, the cursor is back, and there is no traceback."""
    terminal = Terminal("--net", LENET, str(tmp_path / "never"), first=REFEREE)
    terminal.read("--size N=8 gives a size")
    os.kill(terminal.pid, signal.SIGINT)
    assert terminal.end() == 130
    assert "interrupted, not verified" in terminal.text
    assert "Traceback" not in terminal.text
    assert terminal.text.rindex("\x1b[?25h") > terminal.text.rindex("\x1b[?25l")


def test_ctrl_c_in_a_pipe_ends_with_130(tmp_path):
    """Without a terminal too: exit code 130, no traceback."""
    never = str(tmp_path / "never")
    command = [sys.executable, "-c", f"{REFEREE}\nprint('ready', flush=True)\n{SHAPES}", "--net", LENET, never]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"ready\n"
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        told = running.stderr.read()
        assert running.wait(60) == 130
    assert b"Traceback" not in told


@pytest.mark.parametrize("verify", [True, False])
def test_a_terminal_has_colour_and_no_color_is_honoured(tmp_path, verify):
    """On a terminal good is green; with NO_COLOR no colour is left, but the table stays as it is."""
    go = tmp_path / "go"
    go.touch()
    arguments = ["--net", LENET, *([str(go)] if verify else ["--no-verify"])]
    first = REFEREE if verify else ""
    coloured = Terminal(*arguments, first=first)
    plain = Terminal(*arguments, first=first, NO_COLOR="1")
    assert (coloured.end(), plain.end()) == (0, 0)
    assert SGR.search(coloured.text)
    assert not SGR.search(plain.text)
    assert SGR.sub("", coloured.text).rpartition("LeNet-5")[2] == plain.text.rpartition("LeNet-5")[2]


def test_a_dumb_terminal_gets_no_escape_sequence():
    """TERM=dumb: neither colour nor movement of the cursor."""
    terminal = Terminal("--net", LENET, "--no-verify", TERM="dumb")
    assert terminal.end() == 0
    assert "\x1b" not in terminal.text


def test_an_ascii_terminal_is_no_trouble(spec):
    """A terminal whose encoding lacks a letter, or the line rules are drawn with, gets an escape and dashes."""
    path = spec("name: naïve\ninput: [N, 8]\nlayers: [ReLU]\n")
    terminal = Terminal("--net", path, "--no-verify", PYTHONIOENCODING="ascii")
    assert terminal.end() == 0
    assert "na\\xefve" in terminal.text
    assert "-----" in terminal.text


@pytest.mark.parametrize("columns", [60, 160])
def test_the_table_fits_the_terminal(columns):
    """Narrow or wide, no line is longer than the terminal."""
    terminal = Terminal("--net", "examples/resnet18.yaml", "--no-verify", columns=columns)
    assert terminal.end() == 0
    lines = SGR.sub("", terminal.text).replace("\r", "").splitlines()
    assert max(map(len, lines)) <= columns
    assert "11,689,512 parameters" in terminal.text


def test_force_color_colours_a_pipe():
    """FORCE_COLOR asks for colour in a pipe, and takes nothing from the text."""
    arguments = ["--net", LENET, "--no-verify"]
    coloured, plain = process(*arguments, FORCE_COLOR="1").stdout.decode(), process(*arguments).stdout.decode()
    assert SGR.search(coloured)
    assert [line.rstrip() for line in SGR.sub("", coloured).splitlines()] == plain.splitlines()


# torch ---------------------------------------------------------------------------------------------------------------


def test_torch_verifies_lenet():
    """The main job, with the real referee: every layer's verdict is ok, on the CPU."""
    result = shapes("--net", LENET)
    assert result.exit_code == 0, result.stderr
    assert len(re.findall(r"\bok$", result.stdout, re.MULTILINE)) == 12
    assert "verified by torch on cpu" in result.stdout


def test_without_torch_it_says_so():
    """Where torch cannot be imported the table is there, exit code 0, and stderr says how to get a referee."""
    forbid = """
import sys
class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is forbidden here")
sys.meta_path.insert(0, Forbid())
"""
    run = process("--net", LENET, first=forbid)
    assert run.returncode == 0
    assert b"61,706 parameters" in run.stdout
    assert b"SP403" in run.stderr
    assert b"not verified" in run.stderr


# pages ---------------------------------------------------------------------------------------------------------------


def test_explain_takes_a_code_as_people_write_it():
    """SP301, sp301 and 301 are the same page; without a code all are listed."""
    pages = {shapes("explain", word).stdout for word in ("SP301", "sp301", "301")}
    assert len(pages) == 1
    assert "the window is longer than its padded input" in pages.pop()
    assert "SP301" in shapes("explain").stdout


def test_layers_and_schema_answer():
    """The catalogue, a layer's page and the JSON Schema are printed."""
    assert "Conv2d" in shapes("layers").stdout
    assert "out_channels  must be given" in shapes("layers", "Conv2d").stdout
    assert "Conv2d" in json.loads(shapes("schema").stdout)["definitions"]


def test_version_is_said():
    """`--version` names the distribution."""
    for run in (shapes, derive):
        assert run("--version").stdout.startswith("shapeproof")
        assert run("--version").exit_code == 0


@pytest.mark.parametrize(
    ("words", "completion"),
    [
        ("shapes exp", "explain"),
        ("shapes explain SP30", "SP301"),
        ("shapes layers Conv2", "Conv2d"),
        ("shapes --no-v", "--no-verify"),
    ],
)
def test_the_shell_completes(words, completion):
    """Commands, options, codes and layers are completed."""
    place = str(words.count(" "))
    run = process(_SHAPES_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=place)
    assert completion in run.stdout.decode()


def test_the_tool_is_a_click_group_for_those_who_embed_it():
    """Outside standalone mode errors are raised as click raises them."""
    with pytest.raises(click.UsageError):
        cli.shapes.main(["--net", LENET, "--size", "H"], standalone_mode=False)


# derive --------------------------------------------------------------------------------------------------------------


def test_derive_lists_and_shows():
    """`derive list` names the theorems, `derive show` prints one in each format."""
    assert "flip-2d" in derive("list").stdout
    for format in ("text", "latex", "markdown"):
        result = derive("show", "flip-1d", "--format", format)
        assert result.exit_code == 0, result.exception
        assert result.stdout.strip()


def test_derive_rechecks(monkeypatch):
    """`derive recheck NAME` plays a proof; one that fails is told on stderr and ends with 1."""
    good = derive("recheck", "flip-1d")
    assert (good.exit_code, good.stdout) == (0, "flip-1d: proved\n")
    from derive import commands

    monkeypatch.setattr(
        commands, "recheck", lambda names: iter([("a", None, 0.1), ("b", "step 3 does not follow", 0.2)])
    )
    bad = derive("recheck", "--all")
    assert bad.exit_code == 1
    assert bad.stdout == "a: proved\nb: FAILED\n"
    assert bad.stderr == "b: step 3 does not follow\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "flip-2"], "did you mean flip-2d?"),
        (["recheck", "flipp-2d"], "did you mean flip-2d?"),
        (["recheck", "flip-1d", "--all"], "either names or --all"),
        (["shwo"], "did you mean 'show'?"),
        (["show", "flip-1d", "--format", "html"], "markdown"),
    ],
)
def test_a_wrong_call_of_derive_ends_with_2(arguments, words):
    """What is misspelt is said, with what was meant; exit code 2."""
    result = derive(*arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
