"""The PyTorch twin of scripts/gaussian_mixture.grad."""

import math

import torch

torch.manual_seed(2)
data = torch.cat([torch.randn(150) * 0.5 - 1, torch.randn(100) * 0.8 + 2], 0)
score = torch.zeros(2, requires_grad=True)
center = torch.tensor([-0.5, 0.5], requires_grad=True)
width = torch.zeros(2, requires_grad=True)


def log_density(x):
    z = (x.unsqueeze(1) - center) / torch.exp(width)
    parts = (
        torch.log_softmax(score, 0)
        - width
        - 0.5 * z**2
        - 0.5 * torch.log(torch.tensor(2 * math.pi))
    )
    return torch.logsumexp(parts, 1)


opt = torch.optim.Adam([score, center, width], lr=0.05)
for step in range(1, 301):
    loss = -log_density(data).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 0:
        print(f"step {step}: {loss.item():.4f} nats a point")
print("weights", torch.softmax(score, 0).detach())
print("centers", center.detach())
print("widths ", torch.exp(width).detach())
