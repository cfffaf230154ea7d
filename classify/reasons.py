"""Right for the right reasons: a network is told where a finding shows, and what it sees elsewhere is held against it.

After Ross, Hughes & Doshi-Velez (IJCAI 2017, arXiv 1703.03717), who add the squared gradient outside the right place to
the loss. Here it is the share outside of what speaks for the answer, gradient times signal, which has no unit: it can
be made small by looking at the right place alone, not by a flat network. Leads are those on paper (`ecg.limb`).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ecg.limb import LIMB_FROM_I_II, limb_estimate

__all__ = ["misplaced"]

#: Samples over which evidence is spread at 100 Hz, as maps are: gradients change their sign from sample to sample.
_SPREAD = 7


def misplaced(network: nn.Module, x: Tensor, y: Tensor, truth: Tensor) -> Tensor:
    """Share of the evidence for the true answers that does not lie where the finding shows.

    Parameters
    ----------
    network : torch module
        It is asked in evaluation mode, in which records of one batch do not know each other, and left as it was.
    x : float tensor [batch, 16, samples]
        Whole records: the independent leads, then where they are present.
    y : float tensor [batch, outputs]
        Answers; those that are 1 are explained.
    truth : bool tensor [batch, 12, samples]
        Where the finding shows on the standard leads; records where it shows nowhere do not count.

    Returns
    -------
    float tensor []
        Mean over the records, 0 to 1; 0 without any.
    """
    counts = truth.any(dim=2).any(dim=1) & (y == 1).any(dim=1)
    if not bool(counts.any()):
        return x.new_zeros(())
    x, y, truth = x[counts].detach().requires_grad_(True), y[counts], truth[counts]
    modes = [(part, part.training) for part in network.modules()]
    network.eval()
    logits = network(x, x.new_zeros((len(x), 4))).float()
    score = torch.where(y == 1, logits, torch.zeros_like(logits)).sum()
    (gradient,) = torch.autograd.grad(score, x, create_graph=True)
    for part, learnt in modes:
        part.training = learnt
    shares = functional.avg_pool1d(_on_paper(gradient.float(), x.detach()), _SPREAD, 1, _SPREAD // 2)
    evidence = torch.relu(shares)
    inside = (evidence * truth).sum(dim=(1, 2))
    return (1 - inside / evidence.sum(dim=(1, 2)).clamp(min=1e-6)).mean()


def _on_paper(gradient: Tensor, x: Tensor) -> Tensor:
    """Gradient times signal on the twelve leads [batch, 12, samples], from the rows that the network takes."""
    limb, estimate = (x.new_tensor(a) for a in (LIMB_FROM_I_II, limb_estimate(np.ones(6, dtype=bool))))
    # By the chain rule, as maps are carried back to the leads (`explain.view`).
    frontal = torch.einsum("brn,rl->bln", gradient[:, :2], estimate) * torch.einsum("lr,brn->bln", limb, x[:, :2])
    return torch.cat([frontal, gradient[:, 2:8] * x[:, 2:8]], dim=1)
