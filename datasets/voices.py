"""Whose voice a generator may render in a dataset: those that trained it, and those with a consent of the recipe."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..codecs.generate import consent
from ..codecs.generate.consent import Consent
from ..core.files import sha256
from .manifest import Clip
from .recipe import ConsentEntry

TRAINED = "training manifest"


@dataclass(frozen=True)
class Voices:
    """The consents of a recipe, each with what it covers."""

    given: tuple[tuple[ConsentEntry, Consent], ...] = ()

    @classmethod
    def of(cls, entries: Sequence[ConsentEntry], folder: Path) -> Voices:
        """Read the consents; relative files from `folder`. Raises InputError for one missing or incomplete."""
        return cls(tuple((entry, consent.read(folder / entry.file)) for entry in entries))

    def allowed(self, clip: Clip, trained_on: Container[str]) -> str:
        """By what the voice of a clip may be rendered: TRAINED, or basis and start of the digest of a consent.

        trained_on: as `consent.check` takes it. Raises UsageError when it may not.
        """
        digest = digest_of(clip.path)
        if consent.short(digest) in trained_on:
            return TRAINED
        found = next((one for entry, one in self.given if _covers(entry, clip)), None)
        consent.check(digest, trained_on, found)
        return "" if found is None else f"{found.basis} {consent.short(found.digest)}"


@lru_cache(maxsize=65_536)
def digest_of(path: str) -> str:
    """sha256 of the file itself: a manifest may tell none, or another's."""
    return sha256(Path(path))


def _covers(entry: ConsentEntry, clip: Clip) -> bool:
    return (not entry.corpora or clip.corpus in entry.corpora) and (
        not entry.licences or clip.licence in entry.licences
    )
