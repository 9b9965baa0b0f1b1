"""The floors of the house (README, Design): who may import whom, and what a scan may load."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# A room may import these rooms, and itself.
MAY_IMPORT = {
    "core": set(),
    "codecs": {"core"},
    "watermark": {"core"},
    "datasets": {"core", "codecs"},
    "detect": {"core", "datasets"},
    "api": {"core", "codecs", "datasets", "detect", "watermark"},
}
# What only training, analysis or plots need: it may not be loaded by a scan.
HEAVY = {"torch", "librosa", "sklearn", "pyarrow", "matplotlib", "accelerate", "onnx", "pyroomacoustics", "numba"}
# Modules that are loaded on the way from a path to a printed verdict.
SCAN_PATH = [
    "core.audio",
    "core.errors",
    "core.files",
    "core.home",
    "core.recipe",
    "core.run",
    "core.spectral",
    "core.text",
    "core.weights",
    "core.metrics",
    "detect.scan",
    "detect.verdict",
    "codecs.zoo",
    "codecs.tokens",
    "codecs.classical",
    "api.service",
    "api.schemas",
    "api.table",
    "api.training",
    "api.writers",
    "api.workshop",
    "api.evaluation",
    "api.adaptation",
    "api.listening",
    "api.cli",
]


@dataclass(frozen=True)
class Import:
    """One imported name: where it stands, how many dots it has, and the module meant."""

    file: Path
    line: int
    level: int
    module: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'/'.join(self.file.parts[-3:])}:{self.line}"


def sources(*folders: str) -> list[Path]:
    """Python files of the package, or of some of its rooms."""
    found = [path for folder in folders or MAY_IMPORT for path in sorted((ROOT / folder).rglob("*.py"))]
    return found if folders else [ROOT / "__init__.py", *found]


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path: Path) -> Iterator[Import]:
    """All imports of a file, those inside functions and under TYPE_CHECKING included."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, 0, alias.name, ())
        elif isinstance(node, ast.ImportFrom):
            names = tuple(alias.name for alias in node.names)
            yield Import(path, node.lineno, node.level, node.module or "", names)


def targets(item: Import, root: Path) -> list[tuple[str, ...]]:
    """Modules that a relative import means, as parts below the package root."""
    base = item.file.relative_to(root).parent.parts
    assert item.level - 1 <= len(base), f"{item} climbs out of the package"
    stem = base[: len(base) - (item.level - 1)] + tuple(part for part in item.module.split(".") if part)
    return [(*stem, name) for name in item.names] if not item.module else [stem]


def wrong_floor(path: Path, root: Path = ROOT) -> list[str]:
    """Imports of a file that go to a room which its own room may not see."""
    room = path.relative_to(root).parts[0]
    wrong = []
    for item in imports(path):
        for target in targets(item, root) if item.level else []:
            other = target[0] if target else ""
            if other in MAY_IMPORT and other != room and other not in MAY_IMPORT[room]:
                wrong.append(f"{item} imports {'.'.join(target)}")
    return wrong


def test_every_folder_with_code_is_a_room_of_the_plan() -> None:
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert rooms == set(MAY_IMPORT)


def test_a_room_imports_only_the_rooms_below_it() -> None:
    assert [line for path in sources(*MAY_IMPORT) for line in wrong_floor(path)] == []


def test_the_floor_rule_sees_a_wrong_import(tmp_path: Path) -> None:
    for room, line in [
        ("core", "from ..codecs import zoo"),
        ("detect", "def f():\n    from ..codecs.zoo import open"),
        ("codecs", "from .. import datasets"),
        ("watermark", "from ..codecs.tokens import Tokens"),
        ("detect", "from ..api import service"),
    ]:
        (tmp_path / room).mkdir(exist_ok=True)
        path = tmp_path / room / "a.py"
        path.write_text(line)
        assert wrong_floor(path, tmp_path), line
        path.write_text("from ..core.errors import EarwitnessError\nfrom . import b")
        assert not wrong_floor(path, tmp_path), room


def test_inside_the_package_imports_are_relative_and_never_bare() -> None:
    # `import codecs` is the standard library's: allowed. `import detect` or `import datasets` would find
    # the repository's folder, or Hugging Face's package, depending on where one stands.
    bare = {name for name in MAY_IMPORT if name != "codecs"} | {"earwitness", "tests", "benchmarks"}
    found = [
        f"{item} imports {item.module}"
        for path in sources()
        for item in imports(path)
        if not item.level and (item.module.split(".")[0] in bare or item.module.startswith("codecs."))
    ]
    assert found == []


def test_tests_and_benchmarks_import_the_package_by_its_name() -> None:
    found = [
        f"{item} imports {item.module}"
        for path in sources("tests", "benchmarks")
        for item in imports(path)
        if not item.level and (item.module.split(".")[0] in set(MAY_IMPORT) - {"codecs"})
    ]
    assert found == []


def test_nothing_catches_all_exceptions() -> None:
    def broad(handler: ast.ExceptHandler) -> bool:
        kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        return any(
            kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
            for kind in kinds
        )

    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in [*sources(), *sources("benchmarks")]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler) and broad(node)
    ]
    assert found == []


def test_only_the_command_line_prints() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if (ROOT / "api" / "cli") not in path.parents
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert found == []


def modules_after(statement: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport sys\nprint('\\n'.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, env=os.environ
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_way_of_a_scan_loads_nothing_heavy() -> None:
    statement = "\n".join(f"import earwitness.{name}" for name in SCAN_PATH)
    loaded = modules_after(statement)
    assert "numpy" in loaded
    assert loaded & HEAVY == set()


def test_the_package_itself_loads_nothing_but_the_standard_library() -> None:
    loaded = modules_after("import earwitness; earwitness.__version__")
    assert loaded & (HEAVY | {"numpy", "scipy", "onnxruntime", "pydantic", "typer"}) == set()
