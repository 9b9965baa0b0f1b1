"""The quantiser of DAC: a low-dimensional codebook, looked up by angle."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .kmeans import kmeans, nearest


class FactorisedVq(nn.Module):
    """Factorised, L2-normalised lookup (Yu et al. 2021; Kumar et al. 2023, section 3.2), trained by gradient.

    The angle picks the code, and the code's vector comes back with its own length. The third value of `forward` is
    the codebook loss plus 0.25 of the commitment loss, the paper's ratio.
    """

    def __init__(self, dim: int, size: int, inner: int = 8) -> None:
        super().__init__()
        self.dim, self.size = dim, size
        self.inlet = nn.Conv1d(dim, inner, 1)
        self.outlet = nn.Conv1d(inner, dim, 1)
        self.codebook = nn.Parameter(torch.randn(size, inner))

    @torch.no_grad()
    def initialise(self, latents: Tensor) -> None:
        """Project latents (count, dim) on their principal axes and start the codes on k-means of the directions.

        With projections at random the first quantised latents would be noise to a decoder that has learnt.
        """
        mean = latents.mean(0)
        _, axes = torch.linalg.eigh(torch.cov((latents - mean).T))
        axes = axes[:, -self.inlet.out_channels :]
        assert self.inlet.bias is not None and self.outlet.bias is not None
        self.inlet.weight.copy_(axes.T[..., None])
        self.inlet.bias.copy_(-mean @ axes)
        self.outlet.weight.copy_(axes[..., None])
        self.outlet.bias.copy_(mean)
        inner = self.inlet(latents.T[None])[0].T
        length = inner.norm(dim=1).mean()
        self.codebook.copy_(kmeans(F.normalize(inner), self.size) * length)

    def encode(self, x: Tensor) -> Tensor:
        """Codes of latents: (batch, dim, frames) -> (batch, frames)."""
        return self._codes(self.inlet(x))

    def _codes(self, inner: Tensor) -> Tensor:
        batch, dim, frames = inner.shape
        flat = F.normalize(inner.transpose(1, 2).reshape(-1, dim))
        return nearest(flat, F.normalize(self.codebook)).reshape(batch, frames)

    def decode(self, codes: Tensor) -> Tensor:
        """Latents of codes; UNUSED gives zeros."""
        vectors: Tensor = self.outlet(F.embedding(codes.clamp_min(0), self.codebook).transpose(1, 2))
        return vectors * (codes >= 0)[:, None]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        inner = self.inlet(x)
        codes = self._codes(inner)
        vectors = F.embedding(codes, self.codebook).transpose(1, 2)
        loss = F.mse_loss(vectors, inner.detach()) + 0.25 * F.mse_loss(inner, vectors.detach())
        return self.outlet(inner + (vectors - inner).detach()), codes, loss
