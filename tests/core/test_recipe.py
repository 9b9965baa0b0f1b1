from __future__ import annotations

from pathlib import Path

import pytest
from earwitness.core import recipe
from earwitness.core.errors import RecipeError
from earwitness.core.recipe import Strict


class Inner(Strict):
    weight: float = 1.0


class Outer(Strict):
    name: str
    inner: Inner = Inner()


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text)
    return path


def test_a_recipe_is_laid_over_its_base(tmp_path: Path) -> None:
    write(tmp_path, "small", 'name = "small"\n[inner]\nweight = 2.0\n')
    loaded = recipe.load(write(tmp_path, "big", 'base = "small"\nname = "big"\n'), Outer)
    assert loaded == Outer(name="big", inner=Inner(weight=2.0))


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    path = write(tmp_path, "r", 'name = "x"\n[inner]\nwieght = 2.0\n')
    with pytest.raises(RecipeError, match=r"'inner.wieght'.*nearest known is 'weight'"):
        recipe.load(path, Outer)


def test_a_wrong_value_names_its_key(tmp_path: Path) -> None:
    path = write(tmp_path, "r", 'name = "x"\n[inner]\nweight = "heavy"\n')
    with pytest.raises(RecipeError, match=r"inner\.weight"):
        recipe.load(path, Outer)


def test_broken_toml_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        recipe.load(write(tmp_path, "r", "name = "), Outer)


def test_a_recipe_that_is_its_own_base_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="own base"):
        recipe.load(write(tmp_path, "r", 'base = "r"'), Outer)
    write(tmp_path, "a", 'base = "b"')
    with pytest.raises(RecipeError, match="own base"):
        recipe.load(write(tmp_path, "b", 'base = "a"'), Outer)


def test_an_unknown_name_lists_near_ones() -> None:
    with pytest.raises(RecipeError, match="soundstream"):
        recipe.find("soundstraem", "earwitness.codecs.recipes")


def test_overrides_win(tmp_path: Path) -> None:
    path = write(tmp_path, "r", 'name = "x"\n[inner]\nweight = 2.0\n')
    assert recipe.load(path, Outer, inner={"weight": 3.0}).inner.weight == 3.0
