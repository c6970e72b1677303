"""A small residual network as torch code, for `shapes --module examples/model.py:Net --input 1,3,64,64`."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two convolutions with a skip around them; a stride halves the picture."""

    def __init__(self, inside: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, out, 3, stride, padding=1)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1)
        self.skip = nn.Conv2d(inside, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, of shape (N, out, ceil(H / stride), ceil(W / stride))."""
        y = self.conv2(functional.relu(self.conv1(x)))
        return functional.relu(y + self.skip(x))


class Net(nn.Module):
    """Two blocks, the mean over the picture, ten classes."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(3, 16, 2), Block(16, 32, 2))
        self.classify = nn.Linear(32, classes)

    def forward(self, x: Tensor) -> Tensor:
        """The scores of a batch of pictures, of shape (N, classes)."""
        return self.classify(torch.flatten(self.blocks(x).mean(dim=(2, 3)), 1))
