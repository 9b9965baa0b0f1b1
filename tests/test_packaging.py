"""What is installed, and what may lie in the repository."""

from __future__ import annotations

import fnmatch
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

import earwitness

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("core", "codecs", "datasets", "detect", "watermark", "api")
SOUND = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff", ".amr", ".webm", ".mp4"}


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {normal(line.split("==")[0]): line.split("==")[1] for line in lines}


def required() -> dict[str, list[str]]:
    """Names of the direct dependencies, by extra ("" is the base)."""
    table = project()["project"]
    groups = {"": table["dependencies"], **table["optional-dependencies"]}
    return {extra: [normal(re.split(r"[\[<>=!~ ;]", line)[0]) for line in lines] for extra, lines in groups.items()}


def test_every_folder_with_code_is_a_listed_package() -> None:
    found = {
        ".".join(("earwitness", *path.parent.relative_to(ROOT).parts))
        for room in ROOMS
        for path in (ROOT / room).rglob("__init__.py")
    }
    assert set(project()["tool"]["setuptools"]["packages"]) == {"earwitness", *found}


def test_every_data_file_of_a_package_is_listed() -> None:
    patterns = project()["tool"]["setuptools"]["package-data"]
    left_out = []
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*")):
        if path.is_dir() or path.suffix in {".py", ".pyc"} or path.name.startswith("."):
            continue
        package = ".".join(("earwitness", *path.parent.relative_to(ROOT).parts))
        if not any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns.get(package, [])):
            left_out.append(str(path.relative_to(ROOT)))
    assert left_out == []


def test_the_version_stands_in_one_place() -> None:
    assert "version" in project()["project"]["dynamic"]
    assert metadata.version("earwitness") == earwitness.__version__


def test_constraints_are_names_and_versions_only() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", line)] == []
    assert lines == sorted(lines, key=normal)


def test_every_direct_dependency_is_pinned() -> None:
    named = {name for names in required().values() for name in names}
    assert named - set(pinned()) == set()


def test_the_base_needs_nothing_that_only_training_needs() -> None:
    assert set(required()[""]) & {"torch", "librosa", "scikit-learn", "pyarrow", "matplotlib", "accelerate"} == set()


def test_what_is_imported_is_declared() -> None:
    """Each third-party module that the package imports belongs to a dependency of the base or of an extra."""
    import ast

    distributions = metadata.packages_distributions()
    declared = {name for names in required().values() for name in names}
    undeclared = set()
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            for top in {module.split(".")[0] for module in modules} - set(sys.stdlib_module_names):
                if not declared & {normal(name) for name in distributions.get(top, [top])}:
                    undeclared.add(f"{path.relative_to(ROOT)}: {top}")
    assert undeclared == set()


def tracked() -> list[Path]:
    """Files that git tracks or would track; all files outside hidden folders where there is no git."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
        names = [name.decode() for name in done.stdout.split(b"\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for room in (*ROOMS, "tests") for path in (ROOT / room).rglob("*.*")]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_repository_holds_no_recording() -> None:
    assert [str(path) for path in tracked() if path.suffix.lower() in SOUND] == []


def test_no_file_is_larger_than_10_megabytes() -> None:
    assert [str(path) for path in tracked() if path.stat().st_size > 10_000_000] == []
