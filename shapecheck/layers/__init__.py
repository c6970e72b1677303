"""The catalogue: every layer under torch's name, loaded on first use.

`LAYERS` is a mapping from names to classes; the table below says in which file a class lives. Adding a layer is one class
there and one row here. A `Lazy` name of torch is an alias: the class infers its arguments anyway.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from shapecheck.layers.base import Layer

TABLE: dict[str, tuple[str, ...]] = {
    "conv": ("Conv1d", "Conv2d", "Conv3d"),
    "linear": ("Linear",),
    "reshape": ("Flatten", "Unflatten"),
    "view": ("Reshape", "View"),
    "rearrange": ("Permute", "Transpose", "Squeeze", "Unsqueeze", "Expand"),
    "pieces": ("Chunk", "Split", "Slice"),
    "reduce": ("Mean", "Sum"),
    "merge": ("Add", "Mul", "Concat", "Stack", "MatMul"),
}

LAZY: dict[str, str] = {f"LazyConv{n}d": f"Conv{n}d" for n in (1, 2, 3)}


class Catalogue(Mapping[str, type[Layer]]):
    """The layers by name; a class is imported when it is first asked for."""

    def __init__(self) -> None:
        self._files = {name: file for file, names in TABLE.items() for name in names}
        self._files |= {alias: self._files[name] for alias, name in LAZY.items()}
        self._loaded: dict[str, type[Layer]] = {}

    def __getitem__(self, name: str) -> type[Layer]:
        loaded = self._loaded.get(name)
        if loaded is None:
            module = import_module(f"shapecheck.layers.{self._files[name]}")
            loaded = self._loaded[name] = getattr(module, LAZY.get(name, name))
        return loaded

    def __contains__(self, name: object) -> bool:
        return name in self._files

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


LAYERS = Catalogue()
