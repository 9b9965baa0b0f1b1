"""Recipes: one TOML file for each thing that is made, checked key by key against a pydantic model."""

from __future__ import annotations

import difflib
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import RecipeError


class Strict(BaseModel):
    """Base of all recipe sections: frozen, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)


def shipped(package: str) -> dict[str, Path]:
    """Recipes inside a package such as "earwitness.codecs.recipes", by name."""
    folder = resources.files(package)
    return {
        Path(item.name).stem: Path(str(item))
        for item in sorted(folder.iterdir(), key=lambda item: item.name)
        if item.name.endswith(".toml")
    }


def find(name_or_path: str | Path, package: str) -> Path:
    """Path of a recipe given as a file or as the name of a shipped one. Raises RecipeError."""
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if path.is_file():
            return path
        raise RecipeError(f"There is no recipe file {str(path)!r}.")
    known = shipped(package)
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    raise RecipeError(f"There is no recipe {str(name_or_path)!r}{_nearest(str(name_or_path), list(known))}.")


def read(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """The table of one TOML file, with the keys of its `base` recipe (same folder) underneath.

    `above` are the recipes that led here; one of them as a base again is an error.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"The recipe {path.name!r} cannot be read: {error}.") from error
    base = table.pop("base", None)
    if base is None:
        return table
    below = path.parent / f"{base}.toml"
    if below in (path, *above):
        raise RecipeError(f"The recipe {path.name!r} is its own base by way of {str(base)!r}.")
    return merge(read(below, (path, *above)), table)


def merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, table by table; lists and values are replaced whole."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def load(path: Path, model: type[Model], **overrides: Any) -> Model:
    """Read and check a recipe. Raises RecipeError that names the key and the nearest known one."""
    return check(merge(read(path), overrides), model, path.name)


def check(table: dict[str, Any], model: type[Model], name: str) -> Model:
    """Check a table against a model; `name` is what the sentence calls it."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        raise RecipeError(_sentence(error, model, name)) from error


def _sentence(error: ValidationError, model: type[BaseModel], name: str) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        key = str(first["loc"][-1])
        return f"{name}: unknown key {where!r}{_nearest(key, _keys(model, first['loc'][:-1]))}."
    return f"{name}: {where or 'recipe'}: {first['msg'].lower()}."


def _keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Known keys of the section at `location`."""
    for part in location:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(str(part))
        kinds = [] if field is None else [field.annotation, *getattr(field.annotation, "__args__", ())]
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f"; the nearest known is {close[0]!r}"
    return f"; known: {', '.join(known)}" if known else ""
