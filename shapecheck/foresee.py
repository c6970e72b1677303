"""How many layers a spec makes at the least, told without unrolling it: what nested repeats multiply is refused at
once.

Main definition: `least`.
"""

from __future__ import annotations

from collections.abc import Mapping

from shapecheck.layers import LAYERS
from shapecheck.scope import Block
from shapecheck.yaml_nodes import Node as Tree

ATTRIBUTES = ("name", "from", "repeat", "output", "shares")  # what may stand beside a type
STRUCTURES = ("Sequential", "Residual", "Branches")


def least(tree: Tree, blocks: Mapping[str, Block], counts: dict[str, int]) -> int:
    """How many layers an entry, or a list of entries, makes at the least; `counts` keeps what is known of blocks."""
    value = tree.value
    if isinstance(value, list):
        return sum(least(item, blocks, counts) for item in value)
    if not isinstance(value, dict):
        return _of_type(str(tree.text), blocks, counts)
    times = value["repeat"].value.value if "repeat" in value else 1
    inside = sum(_inside(key, entry.value, blocks, counts) for key, entry in value.items() if key not in ATTRIBUTES)
    return inside * times if type(times) is int else 0


def _inside(word: str, arguments: Tree, blocks: Mapping[str, Block], counts: dict[str, int]) -> int:
    """The same of a type with its arguments."""
    if word not in STRUCTURES:
        return _of_type(word, blocks, counts)
    parts = [entry.value for entry in arguments.value.values()] if isinstance(arguments.value, dict) else [arguments]
    return sum(least(part, blocks, counts) for part in parts if isinstance(part.value, list))


def _of_type(word: str, blocks: Mapping[str, Block], counts: dict[str, int]) -> int:
    """The same of a layer or block by its name; a block inside itself counts for nothing."""
    if word not in blocks:
        return 1 if word in LAYERS else 0
    if word not in counts:
        counts[word] = 0
        counts[word] = sum(least(entry, blocks, counts) for entry in blocks[word].layers)
    return counts[word]
