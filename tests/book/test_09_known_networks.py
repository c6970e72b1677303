"""Question: does the arithmetic of single layers add up to the networks everybody knows?

Main results: parameters to the unit, multiply-adds and receptive fields as published, the maps of the papers' figures,
for every network in examples/. Parameters and multiply-adds: torchvision's model pages (a figure "GFLOPS" there counts
multiply-adds of convolutions and linear layers). Receptive fields: Araujo, Norris & Sim, "Computing receptive fields of
convolutional neural networks", Distill 2019, for the variants that table was made for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import shapecheck
from tests.examples import FITTING

EXAMPLES = Path(__file__).parent.parent.parent / "examples"

PARAMETERS = {
    "lenet": 61_706,
    "lenet32": 61_706,
    "alexnet": 61_100_840,
    "vgg16": 138_357_544,
    "googlenet": 6_624_904,
    "resnet18": 11_689_512,
    "resnet50": 25_557_032,
    "densenet121": 7_978_856,
    "mobilenetv2": 3_504_872,
    "audio-m5": 26_915,
}

GIGA_MACS = {  # rounded as published
    "alexnet": 0.714,
    "vgg16": 15.470,
    "googlenet": 1.498,
    "resnet18": 1.814,
    "resnet50": 4.089,
    "densenet121": 2.834,
    "mobilenetv2": 0.301,
}


def predicted(name: str, **sizes: int) -> shapecheck.Report:
    """The report of an example, without torch."""
    return shapecheck.check(EXAMPLES / f"{name}.yaml", sizes=sizes, verify=False)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_the_published_ones(name: str) -> None:
    """A network has the published number of parameters, to the unit."""
    assert predicted(name).totals["params"] == PARAMETERS[name]


@pytest.mark.parametrize("name", GIGA_MACS)
def test_multiply_adds_are_the_published_ones(name: str) -> None:
    """One picture costs the published number of multiply-adds of convolutions and linear layers, to a thousandth."""
    report = predicted(name, N=1)
    counted = sum(row.macs for row in report.layers if row.type in ("Conv2d", "Linear"))
    assert counted / 1e9 == pytest.approx(GIGA_MACS[name], abs=0.0015)


def last_field(report: shapecheck.Report) -> Any:
    """The receptive field of the last layer that has one."""
    return next(row.receptive_field for row in reversed(report.layers) if row.receptive_field is not None)


def test_vgg16_sees_212_cells() -> None:
    """A cell of VGG-16's last pool sees 212 x 212 pixels, neighbours 32 apart, the first 90 outside the picture."""
    field = last_field(predicted("vgg16"))
    assert field == ((212, 212), (32, 32), (-90, -90))


def test_alexnet_sees_195_cells() -> None:
    """A cell of AlexNet's last pool sees 195 x 195 pixels, neighbours 32 apart."""
    fields = [row.receptive_field for row in predicted("alexnet").layers if row.type == "MaxPool2d"]
    assert fields[-1].size == (195, 195)
    assert fields[-1].stride == (32, 32)


def test_resnet50_sees_427_cells_and_its_first_version_483() -> None:
    """Strided in each stage's first 3 x 3, as here, ResNet-50 sees 427 pixels; strided in the stage's last, 483."""
    pooled = [row for row in predicted("resnet50").layers if row.receptive_field is not None]
    assert pooled[-1].receptive_field.size == (427, 427)
    assert last_field(shapecheck.check(slim_resnet50(), verify=False)).size == (483, 483)


def slim_resnet50() -> dict[str, Any]:
    """ResNet-50 as the published table has it: TF-slim's, where each stage but the last strides in its last block."""

    def block(width: int, stride: int) -> list[Any]:
        conv = {"Conv2d": {"out_channels": width, "kernel_size": 3, "stride": stride, "padding": 1}}
        return [{"Conv2d": [None, width, 1]}, conv, {"Conv2d": [None, 4 * width, 1]}]

    layers: list[Any] = [
        {"Conv2d": {"out_channels": 64, "kernel_size": 7, "stride": 2, "padding": 3}},
        {"MaxPool2d": {"kernel_size": 3, "stride": 2, "padding": 1}},
    ]
    for stage, depth in enumerate((3, 4, 6, 3)):
        strides = [1] * (depth - 1) + [2 if stage < 3 else 1]
        for stride in strides:
            layers += block(64 * 2**stage, stride)
    return {"input": ["N", 3, 224, 224], "layers": layers}


def test_lenet_on_both_pictures_is_one_network() -> None:
    """28 x 28 with a padding of 2 and 32 x 32 without give the same maps: 16 of 5 x 5."""
    for name in ("lenet", "lenet32"):
        pooled = [row.output[1:] for row in predicted(name).layers if row.type == "AvgPool2d"]
        assert pooled == [(6, 14, 14), (16, 5, 5)], name


def test_the_unet_of_the_paper_shrinks_572_to_388() -> None:
    """Without padding the U-Net's maps are those of the paper's figure 1: 570, 568, 284, ..., 390, 388."""
    report = predicted("unet-valid")
    widths = [row.output[-1] for row in report.layers if row.type in ("Conv2d", "MaxPool2d", "ConvTranspose2d")]
    assert widths == [
        570, 568, 284, 282, 280, 140, 138, 136, 68, 66, 64, 32, 30, 28,
        56, 54, 52, 104, 102, 100, 200, 198, 196, 392, 390, 388, 388,
    ]  # fmt: skip


def test_the_padded_unet_keeps_the_size_that_16_divides() -> None:
    """A U-Net with padding gives maps of the input's size for 16 | H, W and refuses a size that 16 does not divide."""
    assert predicted("unet", N=1, H=64, W=48).layers[-1].output == (1, 2, 64, 48)
    refused = predicted("unet", N=1, H=64, W=40)
    assert [finding.code for finding in refused.diagnostics][:1] == ["SP306"]


def test_c3d_keeps_time_in_its_first_pool() -> None:
    """C3D's pools halve space five times, time four times: 16 x 112 x 112 ends as 1 x 4 x 4."""
    pooled = [row.output[2:] for row in predicted("video-c3d").layers if row.type == "MaxPool3d"]
    assert pooled == [(16, 56, 56), (8, 28, 28), (4, 14, 14), (2, 7, 7), (1, 4, 4)]


@pytest.mark.parametrize("path", FITTING, ids=lambda path: path.stem)
def test_every_example_fits(path: Path) -> None:
    """An example of examples/ has no finding, its own claims included."""
    report = shapecheck.check(path, verify=False)
    assert report.ok, "\n".join(map(str, report.diagnostics))
    assert report.diagnostics == ()


@pytest.mark.parametrize(
    ("name", "line", "code", "hint"),
    [
        ("linear", 9, "SP303", "in_features: 3136"),
        ("unet", 13, "SP306", "ZeroPad2d: [0, -1, 0, -1]"),
        ("window", 9, "SP301", "padding: 1"),
    ],
)
def test_the_broken_examples_are_found(name: str, line: int, code: str, hint: str | None) -> None:
    """A beginner's error is found on its line, with the change that mends it."""
    report = predicted(f"broken/{name}")
    assert [(finding.line, finding.code) for finding in report.diagnostics] == [(line, code)]
    assert hint in (report.diagnostics[0].hint or "")
