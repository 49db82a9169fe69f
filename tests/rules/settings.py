"""What every setting must look like: described, typed, with its unit in its name."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

UNITS = ("_seconds", "_bytes", "_count", "_per_second", "_factor", "port")
"""How the name of a number ends: seconds, bytes, pieces, a rate, copies, or a port."""

PLACE = re.compile(r"(^|_)(url|servers)$")
"""Names of settings that say where something else is; never guessed."""
HIDDEN = re.compile(r"(^|_)(password|secret|token)$")


def models_in(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """A model and every model that its fields hold, each once."""
    seen: list[type[BaseModel]] = [model]
    for each in seen:
        yield each
        for field in each.model_fields.values():
            for held in _types(field.annotation):
                if issubclass(held, BaseModel) and held not in seen:
                    seen.append(held)


def named(model: type[BaseModel], *endings: str, path: str = "") -> Iterator[str]:
    """Settings whose names end so, with those of blocks inside (`block.name`)."""
    for name, field in model.model_fields.items():
        for held in _types(field.annotation):
            if issubclass(held, BaseModel):
                yield from named(held, *endings, path=f"{path}{name}.")
        if name.endswith(endings):
            yield f"{path}{name}"


def faults(model: type[BaseModel]) -> Iterator[str]:
    """What is wrong with the settings of a model and of all that it holds."""
    for each in models_in(model):
        if each.model_config.get("extra") != "forbid":
            yield f"{each.__name__} does not refuse unknown keys"
        if not each.model_config.get("hide_input_in_errors"):
            yield f"{each.__name__} shows its input in errors"
        for name, field in each.model_fields.items():
            yield from (f"{each.__name__}.{name} {fault}" for fault in _faults(name, field))


def _faults(name: str, field: FieldInfo) -> Iterator[str]:
    if not field.description:
        yield "has no description"
    held = set(_types(field.annotation))
    if held & {int, float} and not name.endswith(UNITS):
        yield "is a number without a unit in its name"
    if len(_choices(field.annotation)) > 1:
        yield "has two types"
    if PLACE.search(name) and isinstance(field.default, str):
        yield "has a default for a place"
    if HIDDEN.search(name) and SecretStr not in held:
        yield "is a secret without a secret type"


def _choices(annotation: Any) -> list[Any]:
    """The types that a value may have, None excepted."""
    if get_origin(annotation) in (Union, types.UnionType):
        return [each for each in get_args(annotation) if each is not type(None)]
    return [annotation]


def _types(annotation: Any) -> Iterator[type]:
    """Every type that an annotation mentions; the values of a Literal are no types."""
    if get_origin(annotation) is Literal:
        return
    if isinstance(annotation, type) and not get_args(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _types(argument)
