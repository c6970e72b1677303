"""A JSON Schema (draft-07) of the spec, generated from the catalogue, for editors that complete and check YAML.

Main definition: `schema`. Layer names, argument names, defaults and descriptions are read off the layer classes; the
keys of a spec and of an entry off their readers. Branches of `oneOf` are avoided: editors complete badly through them.
"""

from __future__ import annotations

from dataclasses import MISSING, Field
from typing import Any

from shapecheck.layers import LAYERS, LAZY
from shapecheck.layers.base import Layer, parameters
from shapecheck.spec import KEYS
from shapecheck.unroll import argument_names

ANYTHING = ["object", "array", "number", "string", "boolean", "null"]
KINDS: dict[str, list[str]] = {  # annotation of a field -> JSON types; a text may always be an expression: "${width}"
    "int": ["integer", "string"],
    "int | None": ["integer", "string", "null"],
    "float": ["number", "string"],
    "bool": ["boolean", "string"],
    "str": ["string"],
    "str | None": ["string", "null"],
}


def schema() -> dict[str, Any]:
    """The schema as plain data.

    >>> schema()["definitions"]["Conv2d"]["required"]
    ['out_channels', 'kernel_size']
    """
    layers = {name: LAYERS[name] for name in LAYERS}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A network for shapeproof",
        "type": "object",
        "required": ["layers"],
        "additionalProperties": False,
        "properties": {key: _top(key) for key in KEYS},
        "definitions": {
            "shape": {
                "type": "array",
                "items": {"type": ["integer", "string"]},
                "description": "Sizes; a name is left open.",
            },
            "entries": {"type": "array", "items": {"$ref": "#/definitions/entry"}},
            "entry": _entry(layers),
            **{name: _layer(name, cls) for name, cls in layers.items()},
        },
    }


def _top(key: str) -> dict[str, Any]:
    """The schema of one key at the top of a spec."""
    shape = {"$ref": "#/definitions/shape"}
    top: dict[str, dict[str, Any]] = {
        "name": {"type": "string", "description": "What the network is called."},
        "input": shape,
        "inputs": {"type": "object", "additionalProperties": shape, "description": "Several inputs by name."},
        "output": {"type": ["array", "object"], "description": "A claim: the last shape, or shapes by name."},
        "where": {
            "type": ["array", "string"],
            "items": {"type": "string"},
            "description": "What the open sizes obey besides: H >= 64, H % 2 == 0, 16 divides H and W.",
        },
        "mode": {"enum": ["train", "eval"], "description": "torch's default is train."},
        "layers": {"$ref": "#/definitions/entries"},
        "blocks": {"type": "object", "additionalProperties": _block(), "description": "Blocks, used like layers."},
    }
    return top[key]


def _block() -> dict[str, Any]:
    return {
        "type": ["object", "array"],
        "additionalProperties": False,
        "required": ["layers"],
        "items": {"$ref": "#/definitions/entry"},
        "properties": {
            "params": {"type": ["object", "array"], "description": "Parameters and defaults; none given: required."},
            "layers": {"$ref": "#/definitions/entries"},
        },
    }


def _entry(layers: dict[str, type[Layer]]) -> dict[str, Any]:
    """The schema of an entry: a type, or a mapping with a type as key; other keys are the spec's own blocks."""
    entries = {"$ref": "#/definitions/entries"}
    return {
        "type": ["string", "object"],
        "properties": {
            "name": {"type": "string", "description": "By which `from` finds it."},
            "from": {"type": ["string", "array"], "items": {"type": "string"}, "description": "What it reads."},
            "repeat": {"type": ["integer", "string"], "minimum": 0},
            "output": {"$ref": "#/definitions/shape"},
            "shares": {"type": "string", "description": "The layer whose weights it uses, which are counted there."},
            "Sequential": entries,
            "Residual": {
                "type": ["object", "array"],
                "properties": {"body": entries, "shortcut": entries},
                "additionalProperties": False,
            },
            "Branches": {
                "type": "object",
                "required": ["paths"],
                "additionalProperties": False,
                "properties": {"dim": {"type": ["integer", "string"]}, "paths": {"type": "array", "items": entries}},
            },
            **{name: {"$ref": f"#/definitions/{name}"} for name in layers},
        },
    }  # fmt: skip


def _layer(name: str, cls: type[Layer]) -> dict[str, Any]:
    """The schema of a layer's arguments: by name, in torch's order, or the first alone."""
    hidden = cls.inferred if name in LAZY else ()
    fields = [f for f in parameters(cls) if f.name in argument_names(cls) and f.name not in hidden]
    needed = [f.name for f in fields if f.default is MISSING and f.default_factory is MISSING]
    found: dict[str, Any] = {
        "description": (cls.__doc__ or name).partition("\n")[0],
        "type": ANYTHING,
        "properties": {f.name: _argument(f) for f in fields},
        "additionalProperties": False,
    }
    return found | ({"required": needed} if needed else {})


def _argument(field: Field[Any]) -> dict[str, Any]:
    """The schema of one argument, from its annotation and default."""
    found: dict[str, Any] = {}
    if str(field.type) in KINDS:
        found["type"] = KINDS[str(field.type)]
    if field.default is not MISSING and isinstance(field.default, bool | int | float | str):
        found["default"] = field.default
    return found
