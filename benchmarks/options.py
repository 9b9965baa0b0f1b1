"""The options that benchmarks of one detector on clips of SHARED have in common."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import candidate
from earwitness.detect import registry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def parser(description: str, clips: int | None = None) -> argparse.ArgumentParser:
    """A parser with --shared, --detector, --split, --seed, --workers and --json; where `clips`, the usual number, is
    given also --clips and --minutes."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--shared", type=Path, required=True)
    made.add_argument("--detector", default=registry.DEFAULT, help=candidate.HELP)
    made.add_argument("--split", default="test", help="of the clips; dev while something is being chosen")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--workers", type=int, default=1)
    made.add_argument("--json", type=Path, help="every answer as a line")
    if clips is not None:
        made.add_argument("--clips", type=int, default=clips)
        made.add_argument("--minutes", type=float, default=0.0, help="ends each table after so long, 0 for no end")
    return made


def keep(answers: Sequence[DataclassInstance], file: Path | None) -> None:
    """Write what --json asked for, if it did."""
    if file is not None:
        file.write_text("".join(json.dumps(asdict(answer)) + "\n" for answer in answers), encoding="utf-8")
