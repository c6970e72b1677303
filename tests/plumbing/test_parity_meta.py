"""Is the table of differences between torch's devices made of real differences?"""

from __future__ import annotations

from tests.parity.meta import differences, table


def test_the_meta_device_accepts_what_the_cpu_refuses():
    """ConvTranspose's output_padding is checked on the CPU only, and the table says so with an example."""
    rows = differences(["ConvTranspose2d"], draws=60, seed=0)
    assert any(
        "output padding must be smaller" in row.cpu.get("words", "") for row in rows if row.meta["outcome"] == "ok"
    )
    text = table(rows, "2.x", 60)
    assert len(text.splitlines()) == 4 + len(rows)
    assert "ConvTranspose2d(" in text


def test_layers_without_a_difference_have_no_row():
    """Both devices treat a pixel shuffle alike."""
    assert differences(["PixelShuffle"], draws=60, seed=0) == []
