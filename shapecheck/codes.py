"""Every code a finding can bear: what it means, a spec that is wrong in that way, one that is right.

`shapes explain CODE` prints these pages. That each wrong spec gives its code, and each right one no finding at all, is
tested in tests/plumbing/test_codes.py. Main definitions: `Page`, `CODES`; `GROUPS` says what the hundreds stand for.
"""

from __future__ import annotations

from textwrap import dedent
from typing import NamedTuple


def _spec(text: str) -> str:
    return dedent(text).lstrip("\n")


class Page(NamedTuple):
    """A page for `explain`: specs as text, and the options of the call that matters beside them.

    `words` stands in for the wrong spec where no spec is to blame. `verify` says that only torch finds it.
    """

    title: str
    meaning: str
    wrong: str = ""
    right: str = ""
    wrong_call: str = ""
    right_call: str = ""
    words: str = ""
    verify: bool = False


GROUPS = {
    "SP0": "The file",
    "SP1": "The spec",
    "SP2": "Arguments that torch's constructor refuses",
    "SP3": "Inputs that torch's forward refuses",
    "SP4": "The check against torch",
    "SP5": "Sizes given in a call",
    "SP6": "Models that are code",
    "SP7": "Files of ONNX",
    "SP8": "Advice on what layers read",
}

CODES: dict[str, Page] = {
    # the file --------------------------------------------------------------------------------------------------------
    "SP001": Page(
        "the file cannot be read",
        "There is no such file, it is a directory, or its permissions forbid reading it.",
        words="shapes --net lenett.yaml, where the file is called lenet.yaml",
    ),
    "SP002": Page(
        "the file is not text",
        "A spec is text in UTF-8 (or UTF-16 with a byte order mark). Here a byte or character stands that no text "
        "has, as in a file of weights or a picture.",
        wrong=_spec("""
            input: [N, 3]
            layers: [ReLU]
            name: a\x00b
        """),
        right=_spec("""
            input: [N, 3]
            layers: [ReLU]
            name: ab
        """),
    ),
    "SP003": Page(
        "the file is not YAML",
        "A bracket or a quote is not closed, a line is indented by a tab, a colon is missing.",
        wrong=_spec("""
            input: [N, 3]
            layers: [ReLU, Sigmoid
        """),
        right=_spec("""
            input: [N, 3]
            layers: [ReLU, Sigmoid]
        """),
    ),
    "SP004": Page(
        "a part of YAML that a spec does not use",
        "Anchors, aliases, tags, directives, a second document, and keys that are no words are not read. What is "
        "used twice goes under `blocks:` or is repeated by `repeat:`.",
        wrong=_spec("""
            input: [N, 3]
            layers: [&act ReLU, *act]
        """),
        right=_spec("""
            input: [N, 3]
            layers:
              - {ReLU: , repeat: 2}
        """),
    ),
    "SP005": Page(
        "too large or too deep",
        "The file is larger, or its lists are nested deeper, than any network needs; reading stops there.",
        wrong="input: [N, 3]\nlayers: " + "[" * 40 + "ReLU" + "]" * 40 + "\n",
        right=_spec("""
            input: [N, 3]
            layers: [{Sequential: [{Sequential: [ReLU]}]}]
        """),
    ),
    # the spec --------------------------------------------------------------------------------------------------------
    "SP100": Page(
        "the structure of the spec",
        "A key is missing or not known, or an entry is not a layer. Arguments stand inside the layer; beside it "
        "stand only name, from, repeat and output.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d:
                out_channels: 8
                kernel_size: 3
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d:
                  out_channels: 8
                  kernel_size: 3
        """),
    ),
    "SP101": Page(
        "there is no such layer",
        "Layers bear torch's names, upper and lower case included. `shapes layers` lists them; `blocks:` adds your "
        "own.",
        wrong=_spec("""
            input: [N, 784]
            layers: [{Dense: 10}]
        """),
        right=_spec("""
            input: [N, 784]
            layers: [{Linear: 10}]
        """),
    ),
    "SP102": Page(
        "an argument the layer does not have",
        "Arguments bear torch's names. `shapes layers Conv2d` lists those of a layer.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, strid: 2}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, stride: 2}
        """),
    ),
    "SP103": Page(
        "a value of the wrong kind",
        "A shape is a list of sizes, a size is a whole number from 0 or a name, a name is a word, repeat a whole "
        "number.",
        wrong=_spec("""
            input: [N, 3, -8, 8]
            layers: [ReLU]
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers: [ReLU]
        """),
    ),
    "SP104": Page(
        "an argument is missing",
        "Arguments without a default must be given, except those that follow from the input (in_channels, "
        "in_features, num_features, ...).",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3}
        """),
    ),
    "SP105": Page(
        "an unknown name",
        "`from:` names a layer or input that stands before, in the same list or around it; a shape names sizes of "
        "the inputs.",
        wrong=_spec("""
            input: [N, 8]
            layers:
              - {ReLU: , name: act}
              - {Add: , from: [input, akt]}
        """),
        right=_spec("""
            input: [N, 8]
            layers:
              - {ReLU: , name: act}
              - {Add: , from: [input, act]}
        """),
    ),
    "SP106": Page(
        "a doubled key",
        "The same key stands twice in one mapping. Most readers of YAML silently keep the last one.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, kernel_size: 5}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 5}
        """),
    ),
    "SP107": Page(
        "a doubled name",
        "Two layers of one list have the same name, or a block is called as a layer is, so that nobody can tell "
        "which is meant.",
        wrong=_spec("""
            input: [N, 8]
            layers:
              - {ReLU: , name: act}
              - {Sigmoid: , name: act}
        """),
        right=_spec("""
            input: [N, 8]
            layers:
              - {ReLU: , name: act1}
              - {Sigmoid: , name: act2}
        """),
    ),
    "SP108": Page(
        "a block that contains itself",
        "Directly or by way of other blocks; it would have no end. `repeat:` says how often.",
        wrong=_spec("""
            input: [N, 8]
            blocks:
              Deep: [ReLU, Deep]
            layers: [Deep]
        """),
        right=_spec("""
            input: [N, 8]
            blocks:
              Deep: [{ReLU: , repeat: 5}]
            layers: [Deep]
        """),
    ),
    "SP109": Page(
        "too many layers",
        "With its repeats and blocks unrolled the network has more than 1,000,000 layers.",
        wrong=_spec("""
            input: [N, 8]
            layers:
              - {Sequential: [{ReLU: , repeat: 2000}], repeat: 2000}
        """),
        right=_spec("""
            input: [N, 8]
            layers:
              - {Sequential: [{ReLU: , repeat: 20}], repeat: 20}
        """),
    ),
    "SP110": Page(
        "an expression that cannot be worked out",
        "Between ${ and } stand a block's parameters, whole numbers, + - * // % and brackets, nothing else.",
        wrong=_spec("""
            input: [N, 8]
            blocks:
              Wide: {params: {width: }, layers: [{Linear: "${widht * 4}"}]}
            layers: [{Wide: 8}]
        """),
        right=_spec("""
            input: [N, 8]
            blocks:
              Wide: {params: {width: }, layers: [{Linear: "${width * 4}"}]}
            layers: [{Wide: 8}]
        """),
    ),
    "SP111": Page(
        "a condition on sizes that cannot be read, or met",
        "Under where: stand comparisons of the inputs' open sizes: names, whole numbers, + - * // % and brackets, "
        "joined by < <= == != >= > or `divides`; and some sizes must meet them all.",
        wrong=_spec("""
            input: [N, 3, H, W]
            where: [H >= 64, h % 2 == 0]
            layers: [{MaxPool2d: 2}]
        """),
        right=_spec("""
            input: [N, 3, H, W]
            where: [H >= 64, H % 2 == 0]
            layers: [{MaxPool2d: 2}]
        """),
    ),
    # construct -------------------------------------------------------------------------------------------------------
    "SP201": Page(
        "an argument of a type the constructor refuses",
        "torch would raise while the module is built.",
        wrong=_spec("""
            input: [N, 8]
            layers:
              - Dropout: half
        """),
        right=_spec("""
            input: [N, 8]
            layers:
              - Dropout: 0.5
        """),
    ),
    "SP202": Page(
        "a value the constructor refuses",
        "torch would raise while the module is built.",
        wrong=_spec("""
            input: [N, 8]
            layers:
              - Dropout: 1.5
        """),
        right=_spec("""
            input: [N, 8]
            layers:
              - Dropout: 0.5
        """),
    ),
    "SP203": Page(
        "groups that do not divide",
        "The channels are dealt out to the groups evenly, so their number must divide those of the input and of "
        "the output.",
        wrong=_spec("""
            input: [N, 4, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, groups: 3}
        """),
        right=_spec("""
            input: [N, 4, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, groups: 4}
        """),
    ),
    "SP204": Page(
        "a padding, or a padding mode, that is not known",
        "padding is a number an axis, or `valid`, or `same` (with stride 1 only); padding_mode is zeros, reflect, "
        "replicate or circular.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, stride: 2, padding: same}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, stride: 2, padding: 1}
        """),
    ),
    "SP205": Page(
        "arguments that exclude or need each other",
        "torch takes one of them or all of them, not this selection.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Upsample: {size: 16, scale_factor: 2}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Upsample: {scale_factor: 2}
        """),
    ),
    # forward ---------------------------------------------------------------------------------------------------------
    "SP301": Page(
        "the window is longer than its padded input",
        "A window of k cells, d apart, spans d(k-1)+1. It must fit at least once: that span <= n + p, where n is "
        "the size and p the padding of both sides together.",
        wrong=_spec("""
            input: [N, 3, 5, 5]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 7}
        """),
        right=_spec("""
            input: [N, 3, 5, 5]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 7, padding: 1}
        """),
    ),
    "SP302": Page(
        "the input has the wrong number of dimensions",
        "Conv2d, for one, takes (N, C, H, W) or (C, H, W).",
        wrong=_spec("""
            input: [N, 784]
            layers:
              - Conv2d: {out_channels: 6, kernel_size: 5}
        """),
        right=_spec("""
            input: [N, 784]
            layers:
              - Unflatten: {dim: 1, unflattened_size: [1, 28, 28]}
              - Conv2d: {out_channels: 6, kernel_size: 5}
        """),
    ),
    "SP303": Page(
        "channels or features differ",
        "The layer is built for another number of channels or features than its input has. in_channels, "
        "in_features and num_features may be left out: then they are what the input has.",
        wrong=_spec("""
            input: [N, 16, 5, 5]
            layers:
              - Flatten
              - Linear: {in_features: 256, out_features: 120}
        """),
        right=_spec("""
            input: [N, 16, 5, 5]
            layers:
              - Flatten
              - Linear: {in_features: 400, out_features: 120}
        """),
    ),
    "SP304": Page(
        "a dimension the input does not have",
        "Dimensions are counted from 0, or from -1 backwards.",
        wrong=_spec("""
            input: [N, 10]
            layers:
              - Softmax: {dim: 2}
        """),
        right=_spec("""
            input: [N, 10]
            layers:
              - Softmax: {dim: 1}
        """),
    ),
    "SP305": Page(
        "shapes that do not broadcast",
        "Aligned at their last dimension, sizes must be equal, or one of them 1.",
        wrong=_spec("""
            inputs: {a: [N, 8, 32, 32], b: [N, 8, 16, 16]}
            layers:
              - {Add: , from: [a, b]}
        """),
        right=_spec("""
            inputs: {a: [N, 8, 32, 32], b: [N, 8, 1, 1]}
            layers:
              - {Add: , from: [a, b]}
        """),
    ),
    "SP306": Page(
        "shapes that cannot be joined",
        "Concat joins along `dim`; in all other dimensions the inputs must be alike. Stack wants them alike in all.",
        wrong=_spec("""
            inputs: {skip: [N, 8, 57, 57], up: [N, 8, 56, 56]}
            layers:
              - {Concat: {dim: 1}, from: [skip, up]}
        """),
        right=_spec("""
            inputs: {skip: [N, 8, 56, 56], up: [N, 8, 56, 56]}
            layers:
              - {Concat: {dim: 1}, from: [skip, up]}
        """),
    ),
    "SP307": Page(
        "the shape is not the one the spec claims",
        "`output:` says what shape its author expects, after a layer or at the end of the network.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Flatten
            output: [N, 64]
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Flatten
            output: [N, 192]
        """),
    ),
    "SP308": Page(
        "too few or too many inputs",
        "`from: [a, b]` hands several values to a layer; a layer that gives several outputs is read with `name[0]`.",
        wrong=_spec("""
            input: [N, 8]
            layers:
              - {ReLU: , name: act}
              - {Linear: 4, from: [input, act]}
        """),
        right=_spec("""
            input: [N, 8]
            layers:
              - {ReLU: , name: act}
              - {Add: , from: [input, act]}
              - Linear: 4
        """),
    ),
    "SP309": Page(
        "an argument that forward refuses",
        "The module can be built, but not run: a stride of 0, a list that is too long, a float where a whole "
        "number is needed.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, stride: 0}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3, stride: 1}
        """),
    ),
    "SP310": Page(
        "too large",
        "The output would have more elements, or more pieces, than can be counted: 2^63, and as many pieces as nobody "
        "lists.",
        wrong=_spec("""
            input: [N, 10000000]
            layers:
              - Split: {split_size_or_sections: 1, dim: 1}
        """),
        right=_spec("""
            input: [N, 10000000]
            layers:
              - Split: {split_size_or_sections: 5000000, dim: 1}
        """),
    ),
    "SP311": Page(
        "a pool's padding is more than half its window",
        "A window could then lie wholly in the padding, and have nothing to take the maximum or average of.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - MaxPool2d: {kernel_size: 2, padding: 2}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - MaxPool2d: {kernel_size: 2, padding: 1}
        """),
    ),
    "SP312": Page(
        "the output would be smaller than 1",
        "A size of the output is 0 or negative.",
        wrong=_spec("""
            input: [N, 3, 4, 4]
            layers:
              - Upsample: {scale_factor: 0.1}
        """),
        right=_spec("""
            input: [N, 3, 4, 4]
            layers:
              - Upsample: {scale_factor: 0.5}
        """),
    ),
    "SP313": Page(
        "an empty input",
        "A size of 0 where the layer needs at least one cell. The batch may be empty for many layers, the rest seldom.",
        wrong=_spec("""
            input: [0, N, 8]
            layers:
              - LSTM: {hidden_size: 4}
        """),
        right=_spec("""
            input: [5, N, 8]
            layers:
              - LSTM: {hidden_size: 4}
        """),
    ),
    "SP314": Page(
        "sizes that do not divide, or do not add up",
        "The cells cannot be dealt out evenly to the shape asked for.",
        wrong=_spec("""
            input: [N, 6, 8, 8]
            layers:
              - PixelShuffle: 2
        """),
        right=_spec("""
            input: [N, 8, 8, 8]
            layers:
              - PixelShuffle: 2
        """),
    ),
    "SP315": Page(
        "one value per channel in training",
        "Batch, instance and group normalisation divide by a variance, and one value has none. A larger batch "
        "helps, or `mode: eval`.",
        wrong=_spec("""
            input: [1, 8]
            layers: [BatchNorm1d]
        """),
        right=_spec("""
            input: [1, 8]
            mode: eval
            layers: [BatchNorm1d]
        """),
    ),
    "SP316": Page(
        "a padding larger than the input allows",
        "Reflection needs one cell more than it copies, circular padding as many; a negative padding must leave "
        "something.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - ReflectionPad2d: 8
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - ReflectionPad2d: 7
        """),
    ),
    "SP317": Page(
        "output_padding is too large",
        "output_padding makes up for what the stride left over, so it must be smaller than the stride or the dilation.",
        wrong=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - ConvTranspose2d: {out_channels: 8, kernel_size: 3, stride: 2, output_padding: 2}
        """),
        right=_spec("""
            input: [N, 3, 8, 8]
            layers:
              - ConvTranspose2d: {out_channels: 8, kernel_size: 3, stride: 2, output_padding: 1}
        """),
    ),
    "SP318": Page(
        "an output_size that cannot be",
        "The size asked for is not among those that give this input back.",
        wrong=_spec("""
            inputs: {x: [N, 3, 4, 4], where: [N, 3, 4, 4]}
            layers:
              - {MaxUnpool2d: {kernel_size: 2, output_size: [20, 20]}, from: [x, where]}
        """),
        right=_spec("""
            inputs: {x: [N, 3, 4, 4], where: [N, 3, 4, 4]}
            layers:
              - {MaxUnpool2d: {kernel_size: 2, output_size: [9, 9]}, from: [x, where]}
        """),
    ),
    "SP319": Page(
        "a hidden state of the wrong shape",
        "A recurrent layer's state is (layers * directions, N, hidden_size), that of a cell (N, hidden_size).",
        wrong=_spec("""
            inputs: {x: [5, N, 4], h: [1, N, 6]}
            layers:
              - {RNN: {hidden_size: 8}, from: [x, h]}
        """),
        right=_spec("""
            inputs: {x: [5, N, 4], h: [1, N, 8]}
            layers:
              - {RNN: {hidden_size: 8}, from: [x, h]}
        """),
    ),
    "SP330": Page(
        "a size that no formula gives",
        "A scale_factor that is no whole number is multiplied in floating point and rounded down; for an open size "
        "there is no formula for that. Give the size, with a number in the spec or with --size.",
        wrong=_spec("""
            input: [N, 3, H, 32]
            layers:
              - Upsample: {scale_factor: 0.7}
        """),
        right=_spec("""
            input: [N, 3, H, 32]
            layers:
              - Upsample: {scale_factor: 2}
        """),
    ),
    "SP340": Page(
        "how many there are depends on an open size",
        "Chunk and Split give a list; where its length depends on a size that is left open, nothing more can be said.",
        wrong=_spec("""
            input: [N, L]
            layers:
              - Split: {split_size_or_sections: 4, dim: 1}
        """),
        right=_spec("""
            input: [N, 12]
            layers:
              - Split: {split_size_or_sections: 4, dim: 1}
        """),
    ),
    "SP341": Page(
        "query, key and value do not belong together",
        "Attention reads one value for each key, and all from the same batch; an encoder's output and a decoder's "
        "input are of the same batch too.",
        wrong=_spec("""
            inputs: {query: [5, N, 8], key: [7, N, 8], value: [6, N, 8]}
            layers:
              - {MultiheadAttention: {embed_dim: 8, num_heads: 2}, from: [query, key, value]}
        """),
        right=_spec("""
            inputs: {query: [5, N, 8], key: [7, N, 8], value: [7, N, 8]}
            layers:
              - {MultiheadAttention: {embed_dim: 8, num_heads: 2}, from: [query, key, value]}
        """),
    ),
    "SP342": Page(
        "a mask of the wrong shape",
        "An attention mask is (targets, sources), or one such for each of the N * num_heads heads; a padding mask is "
        "(N, sources).",
        wrong=_spec("""
            inputs: {x: [5, N, 8], mask: [N, 4]}
            layers:
              - {MultiheadAttention: {embed_dim: 8, num_heads: 2}, from: [x, x, x, mask]}
        """),
        right=_spec("""
            inputs: {x: [5, N, 8], mask: [N, 5]}
            layers:
              - {MultiheadAttention: {embed_dim: 8, num_heads: 2}, from: [x, x, x, mask]}
        """),
    ),
    # torch -----------------------------------------------------------------------------------------------------------
    "SP401": Page(
        "torch disagrees",
        "torch gives another shape or number of parameters than predicted, or accepts what is refused here. That "
        "is a bug of shapeproof, not of your network. The finding holds all that is needed to report it.",
        words="none that we know of",
    ),
    "SP402": Page(
        "too large to verify on that device",
        "The network needs more memory or work than the device has. `--device meta` needs neither; `auto` chooses "
        "it by itself.",
        wrong=_spec("""
            input: [1, 1000000, 1000000]
            layers: [ReLU]
        """),
        right=_spec("""
            input: [1, 1000000, 1000000]
            layers: [ReLU]
        """),
        wrong_call="--device cpu",
        right_call="--device meta",
        verify=True,
    ),
    "SP403": Page(
        "torch is not installed",
        "The shapes are predicted, but nobody verified them. It is a note, not an error. Install torch from "
        "https://pytorch.org, or with: pip install 'shapeproof[torch]'.",
        words="shapes --net lenet.yaml, where torch cannot be imported",
    ),
    "SP404": Page(
        "the device is not available",
        "torch here cannot use the device asked for.",
        words="shapes --net lenet.yaml --device cuda, on a machine without a GPU that torch can use",
    ),
    "SP405": Page(
        "torch refuses the tensor, though not its shape",
        "The shape is right, but something else about the tensor is not: View wants one that lies in memory in one "
        "piece, an in-place layer one that may be written to.",
        wrong=_spec("""
            input: [2, 3, 4]
            layers:
              - Transpose: {dim0: 1, dim1: 2}
              - View: [2, 12]
        """),
        right=_spec("""
            input: [2, 3, 4]
            layers:
              - Transpose: {dim0: 1, dim1: 2}
              - Reshape: [2, 12]
        """),
        verify=True,
    ),
    "SP406": Page(
        "the sizes with which torch was asked",
        "torch needs numbers, so open names other than the batch stand for small sizes that fit. It is a note that "
        "says which; --size chooses others.",
        wrong=_spec("""
            input: [N, 3, H, W]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3}
        """),
        right=_spec("""
            input: [N, 3, H, W]
            layers:
              - Conv2d: {out_channels: 8, kernel_size: 3}
        """),
        right_call="--size H=32 --size W=32",
        verify=True,
    ),
    "SP407": Page(
        "torch's meta device errs",
        "On some inputs torch's meta device gives another shape than torch's CPU, or refuses what the CPU takes. The "
        "CPU's word counts: the layer was compared there. It is a note; where the layer is too large for that, it is "
        "not verified.",
        wrong=_spec("""
            input: [4, 2, 1, 0, 9]
            layers:
              - PixelUnshuffle: 3
        """),
        right=_spec("""
            input: [4, 2, 1, 0, 9]
            layers:
              - PixelUnshuffle: 3
        """),
        wrong_call="--device meta",
        right_call="--device cpu",
        verify=True,
    ),
    # sizes -----------------------------------------------------------------------------------------------------------
    "SP501": Page(
        "the network has no such open size",
        "--size gives a number to a name that stands in the shape of an input.",
        wrong=_spec("""
            input: [N, 3, H, W]
            layers: [ReLU]
        """),
        right=_spec("""
            input: [N, 3, H, W]
            layers: [ReLU]
        """),
        wrong_call="--size h=224",
        right_call="--size H=224",
    ),
    "SP502": Page(
        "not a size",
        "A size is a whole number from 0 to 2^63 - 1.",
        wrong=_spec("""
            input: [N, 3, H, W]
            layers: [ReLU]
        """),
        right=_spec("""
            input: [N, 3, H, W]
            layers: [ReLU]
        """),
        wrong_call="--size H=-224",
        right_call="--size H=224",
    ),
    "SP503": Page(
        "a size that breaks `where`",
        "The spec says under where: what the open sizes obey; --size gives one that does not.",
        wrong=_spec("""
            input: [N, 3, H, W]
            where: [H >= 64, H % 2 == 0]
            layers: [{MaxPool2d: 2}]
        """),
        right=_spec("""
            input: [N, 3, H, W]
            where: [H >= 64, H % 2 == 0]
            layers: [{MaxPool2d: 2}]
        """),
        wrong_call="--size H=65",
        right_call="--size H=66",
    ),
    # models that are code --------------------------------------------------------------------------------------------
    "SP601": Page(
        "the graph was recorded for other sizes",
        "The model's code asked something of its input's size, as `if x.shape[2] > 32:`, and the graph is the way it "
        "took then. For the sizes given now it would, or might, take another, so that what is predicted may not be "
        "what it does.",
        words="shapes --module model.py:Net --input 1,3,224,224 --size H=16, where forward pads small images",
    ),
    "SP602": Page(
        "watched call by call",
        "The model's forward looks at values, or does what cannot be recorded as a graph; the message says where. So "
        "each call of a module without children is watched instead, for the sizes given: other sizes are not predicted "
        "from it, and functions between the calls are not seen. It is a note.",
        words="a forward that says `if x.sum() > 0:`",
    ),
    "SP603": Page(
        "a size that cannot be left open",
        "The model's code makes a plain number of a size of its input, as int(), range() and float() do, so the graph "
        "holds for that number only. The message says which line does it. It is a note.",
        words="a forward that says `for i in range(x.shape[1]):`",
    ),
    "SP604": Page(
        "the model cannot be built",
        "What --module names cannot be imported, is not there, or fails when it is called. The message says in which "
        "line of your code, and quotes the error.",
        words="shapes --module model.py:Nett, where the class is called Net",
    ),
    "SP605": Page(
        "the graph cannot be written as a spec",
        "A layer of the graph has no rule, so a spec has no word for it; or the spec, read again, would not give the "
        "same shapes and parameters. Nothing is written.",
        words="shapes --module model.py:Net --input 1,3,64,64 --save-spec net.yaml, where forward calls torch.fft.fft2",
    ),
    "SP610": Page(
        "the model was run with real numbers",
        "Shapes of a model that is code are found by running it on torch's meta device, where nothing is computed. "
        "Where its forward looks at values, it is run once with its real weights instead. It is a note.",
        words="a forward that asks `if x.sum() > 0:`",
    ),
    "SP611": Page(
        "the model's forward fails",
        "Torch, or the model itself, raises an error in forward that no rule explains. The rows before it stand, and "
        "the message says where it was and quotes the error.",
        words="a forward that ends in `raise NotImplementedError`, or that multiplies tensors which do not fit in a "
        "function for which there is no rule",
    ),
    "SP612": Page(
        "calls without a rule",
        "Some modules of the model have no children and no rule here: classes of your own, or of a library. Their "
        "rows show what torch gave; they are not predicted, and the model is not verified as a whole. It is a note.",
        words="a class of your own with a forward that calls functions for which there is no rule",
    ),
    "SP613": Page(
        "modules that are never called",
        "The model holds modules, with parameters, that its forward does not call in this mode or for this input. "
        "Their parameters are counted all the same, as torch counts them. It is a note.",
        words="an auxiliary classifier that only training uses, in evaluation mode",
    ),
    # files of ONNX ---------------------------------------------------------------------------------------------------
    "SP701": Page(
        "this is no ONNX model",
        "The file is not a serialised model of ONNX, is cut short, is larger than such a file can be, or holds no "
        "operators.",
        words="shapes --onnx model.onnx, where model.onnx holds the weights only",
    ),
    "SP702": Page(
        "the graph is not sound",
        "An input has no shape, an operator reads what nothing before it gives, or has attributes of which no sense "
        "can be made. `onnx.checker` says more of such a file.",
        words="an input that is declared without a shape",
    ),
    "SP703": Page(
        "the package onnx is not there",
        "Files of ONNX are read by the package onnx, which is an extra: pip install 'shapeproof[onnx]'.",
        words="shapes --onnx model.onnx, where onnx is not installed",
    ),
    "SP710": Page(
        "what onnx's own shape inference says",
        "Each operator's predicted shape is compared with the shape that onnx infers, open names standing for the "
        "numbers told. It is a note that says on how many operators the two agree, and how many onnx leaves open.",
        words="every file that is read",
    ),
    "SP711": Page(
        "onnx's shape inference says otherwise",
        "For this operator the predicted shape and the one that onnx infers differ. One of the two is wrong; the "
        "operator's text in onnx/docs/Operators.md decides.",
        words="a Resize whose scale, multiplied in another precision, is cut to another number",
    ),
    "SP712": Page(
        "operators that are not predicted",
        "The model has operators for which there is no rule, or whose output's shape hangs on values that are known "
        "only when the model runs. Where onnx infers their shape, prediction goes on with it. It is a note.",
        words="a Loop, an operator of another domain, a Reshape to a shape that is an input of the model",
    ),
    "SP713": Page(
        "a window in the padding",
        "Before opset 22 the text of MaxPool, AveragePool and LpPool counts, in ceil_mode, a last window that lies in "
        "the padding altogether. From opset 22 on it does not, and torch never does: programs that run the model may "
        "differ by one cell.",
        words="MaxPool of opset 17 with kernel 2, stride 2, pads 1 on 5 cells: 4 windows by the text, 3 by torch",
    ),
    # advice ----------------------------------------------------------------------------------------------------------
    "SP801": Page(
        "cells behind the last window",
        "The stride does not divide what is left of the padded input beside one window, so the last (n + p - k) mod s "
        "cells of an axis are read by no window of this layer. Where they are cells of the input, a border of the "
        "picture does not count; where they are padding, the picture is padded unevenly. It is advice (--advice).",
        words="Conv2d: {out_channels: 96, kernel_size: 11, stride: 4} on 224 x 224: row and column 224 are never read",
    ),
    "SP802": Page(
        "cells that windows pass over",
        "The windows stand further apart than they reach, or the taps of a dilated kernel, stride after stride, fall "
        "on the same residues again: cells in between are read by no window of this layer. It is advice (--advice).",
        words="Conv2d: {out_channels: 8, kernel_size: 1, stride: 2}: three of four cells are thrown away",
    ),
    "SP803": Page(
        "holes in the receptive field",
        "Between inputs that a cell sees lie some that it does not see. Without dilation that is so exactly where a "
        "layer's window has more than one cell and the cells before it stand further apart, J, than each of them "
        "sees, r: r < J. With dilation the set of inputs is worked out. The last layer with a field decides: holes "
        "that later layers fill are none. It is advice (--advice).",
        words="two Conv2d with kernel_size 3 and dilation 2: a cell sees 5 of 9 inputs, every other one",
    ),
    "SP804": Page(
        "a field larger than the picture",
        "From this layer on a cell's receptive field spans more cells than the input has: what lies outside is "
        "padding. A network may well want to see all of its input; but a cell at the border then sees mostly zeros. It "
        "is advice (--advice).",
        words="layer4 of a ResNet-18 on 224 x 224, whose cells span 243 and more",
    ),
    "SP805": Page(
        "an even window shifts the picture",
        "The middle of a window of k cells, at stride s, lies (k - s)/2 - padding cells beside the middle of the s "
        "cells that it stands for. With k even and s odd that is half a cell more or less: features drift, layer by "
        "layer, and no padding undoes it. It is advice (--advice).",
        words="Conv2d: {out_channels: 8, kernel_size: 4, padding: same}: half a cell to the right and down",
    ),
    "SP806": Page(
        "a checkerboard of a transposed convolution",
        "Unless the stride s divides the kernel k and has no divisor in common with the dilation d, neighbouring "
        "outputs read different numbers of cells of the kernel, by turns: a checkerboard is what is learnt first "
        "(Odena, Dumoulin & Olah, Distill 2016). It is advice (--advice).",
        words="ConvTranspose2d: {out_channels: 8, kernel_size: 3, stride: 2}: 1, 2 or 4 cells by turns",
    ),
}
