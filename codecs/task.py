"""What a codec or vocoder learns from a batch of crops: spectra, waves, and critics that judge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..core.train import BatchSource
from .parts.critics import Critics
from .parts.losses import MultiScaleMel, critic_loss, feature_loss, fool_loss
from .recipe import CodecRecipe

# Latents that start the codebooks: 20 for each code, but no more than this.
_KMEANS_LATENTS, _KMEANS_SHARE = 20_000, 20


class CodecTask:
    """Implements core.train.Task. The critic's turn judges the wave that the generator's turn just made."""

    def __init__(self, model: nn.Module, recipe: CodecRecipe) -> None:
        self.recipe, self.model = recipe, model
        self.networks: Mapping[str, nn.Module] = {"generator": model}
        rate: Any = model.rate
        self.mel = MultiScaleMel(int(rate), recipe.losses.mel_sizes)
        self.critic: Critics | None = None
        critic = recipe.critic
        if critic.stft or critic.mdct or critic.periods:
            self.critic = Critics(critic.stft, critic.mdct, critic.channels, critic.periods)
            self.networks = {**self.networks, "critic": self.critic}
        self._fake: Tensor | None = None

    def prepare(self, step: int, source: BatchSource) -> None:
        """Start the codebooks by k-means when the unquantised trunk has learnt for a while."""
        quantiser = getattr(self.model, "quantiser", None)
        if quantiser is None or bool(quantiser.active) or step < self.recipe.losses.quantise_from:
            return
        device = next(self.model.parameters()).device
        latents: list[Tensor] = []
        draw = step
        wanted = min(_KMEANS_LATENTS, _KMEANS_SHARE * max(stage.size for stage in quantiser.stages))
        with torch.no_grad():
            while sum(len(part) for part in latents) < wanted:
                wave = torch.from_numpy(source.batch(draw)).to(device)
                latents.append(self.model.analyse(wave).transpose(1, 2).flatten(0, 1))  # type: ignore[operator]
                draw += 1
            quantiser.initialise(torch.cat(latents))

    def turns(self, step: int) -> Sequence[str]:
        """Generator always, critic now and then once it has begun."""
        return ("generator", "critic") if self._judged(step) else ("generator",)

    def _judged(self, step: int) -> bool:
        losses = self.recipe.losses
        return self.critic is not None and step >= losses.critic_from and step % losses.critic_every == 0

    def loss(self, turn: str, batch: Tensor, step: int) -> tuple[Tensor, dict[str, float]]:
        """Loss of one network's turn."""
        return self._critic(batch) if turn == "critic" else self._generator(batch, step)

    def _critic(self, real: Tensor) -> tuple[Tensor, dict[str, float]]:
        assert self.critic is not None and self._fake is not None
        loss = critic_loss(self.critic(real), self.critic(self._fake))
        return loss, {"critic": loss.item()}

    def _generator(self, real: Tensor, step: int) -> tuple[Tensor, dict[str, float]]:
        weights = self.recipe.losses
        fake, commitment, numbers = self._forward(real, step)
        self.mel.to(real.device)
        mel = self.mel(fake, real)
        share = min(1.0, (step + 1) / weights.mel_warmup) if weights.mel_warmup else 1.0
        loss = share * weights.mel * mel + weights.commitment * commitment
        numbers |= {"mel": mel.item(), "commitment": commitment.item()}
        if weights.wave:
            # Relative to the level, so that a quiet crop counts as much as a loud one.
            wave = F.l1_loss(fake, real) / real.abs().mean().clamp_min(1e-4)
            loss = loss + weights.wave * wave
            numbers["wave"] = wave.item()
        if self._judged(step):
            assert self.critic is not None
            self._fake = fake.detach()
            judged = self.critic(fake)
            with torch.no_grad():
                genuine = self.critic(real)
            fool, feature = fool_loss(judged), feature_loss(genuine, judged)
            loss = loss + weights.adversarial * fool + weights.feature * feature
            numbers |= {"fool": fool.item(), "feature": feature.item()}
        return loss, numbers

    def _forward(self, real: Tensor, step: int) -> tuple[Tensor, Tensor, dict[str, float]]:
        model: Any = self.model
        latents = model.analyse(real)
        quantiser = getattr(model, "quantiser", None)
        if quantiser is None or not bool(quantiser.active):
            return model.synthesise(latents), real.new_zeros(()), {}
        draw = np.random.default_rng([self.recipe.seed, step])
        stages = len(quantiser.stages)
        used = stages if draw.random() >= self.recipe.losses.stage_dropout else int(draw.integers(1, stages + 1))
        quantised, codes, commitment = quantiser(latents, used)
        return model.synthesise(quantised), commitment, {"perplexity": perplexity(codes[:, 0])}


def perplexity(codes: Tensor) -> float:
    """exp of the entropy of the codes in use: the effective size of a codebook on this batch."""
    share = torch.bincount(codes.reshape(-1)).double() / codes.numel()
    share = share[share > 0]
    return float(torch.exp(-(share * share.log()).sum()))
