"""The one tree of exceptions. Each message is a sentence that a user can act on."""

from __future__ import annotations


class EarwitnessError(Exception):
    """Root of everything that earwitness raises on purpose."""


class UsageError(EarwitnessError):
    """An argument or option does not make sense; nothing was done."""


class InputError(EarwitnessError):
    """Something that the user handed in cannot be used."""


class AudioError(InputError):
    """A sound file or array cannot be used."""


class DecodeError(AudioError):
    """The file is missing, unreadable, not sound, or broken."""


class LimitError(AudioError):
    """The file is longer, larger or wider than the limits allow."""


class DataError(InputError):
    """A manifest, dataset or token file breaks a rule."""


class RecipeError(InputError):
    """A recipe names an unknown key or an impossible value."""


class WeightsError(EarwitnessError):
    """Weights are missing, or are not the ones that were promised."""


class StorageError(EarwitnessError):
    """The disk is full, or refuses to be written."""


class MissingPart(EarwitnessError):
    """An optional package or program is needed for this and is not installed."""
