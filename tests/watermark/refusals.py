"""A refusal of the embedder, and that it leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from earwitness.watermark import Key, Records
from earwitness.watermark.files import embed_file


def refused(work: Path, source: Path, name: str, key: Key, store: Records, error: Any, words: str) -> None:
    before = sorted(os.listdir(work))
    with pytest.raises(error, match=words) as caught:
        embed_file(source, work / name, key, store)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    assert sorted(os.listdir(work)) == before
    assert store.newest() == []
