"""The PyTorch twin of scripts/polynomial_fit.grad."""

import torch
from torch.nn import functional

x = torch.linspace(-3, 3, 61)
y = torch.sin(x)
powers = (x / 3).unsqueeze(1) ** torch.arange(6)
c = torch.zeros(6, requires_grad=True)
opt = torch.optim.Adam([c], lr=0.2)
losses = []
for _ in range(500):
    opt.zero_grad()
    loss = functional.mse_loss(powers @ c, y)
    loss.backward()
    opt.step()
    losses.append(loss.item())
print(f"loss {losses[0]:.4f} at first, {losses[-1]:.5f} after {len(losses)} steps")
print(c[1::2].detach())
print(c[::2].abs().max() < 0.001)
fit = powers @ c.detach()
for i in range(5, 61, 10):
    print(f"sin({x[i].item():4.1f}) = {y[i].item():7.4f}   fitted {fit[i].item():7.4f}")
