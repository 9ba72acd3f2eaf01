"""The PyTorch twin of scripts/two_moons.grad."""

import math

import torch
from torch.nn import functional

torch.manual_seed(4)
n = 100
a = math.pi * torch.rand(n)
upper = torch.stack([torch.cos(a), torch.sin(a)], 1)
lower = torch.stack([1 - torch.cos(a), 0.5 - torch.sin(a)], 1)
x = torch.cat([upper, lower], 0) + 0.1 * torch.randn(2 * n, 2)
t = torch.cat([torch.zeros(n), torch.ones(n)], 0).long()
w1 = torch.randn(2, 16).requires_grad_()
b1 = torch.zeros(16, requires_grad=True)
w2 = (torch.randn(16, 2) * 0.3).requires_grad_()
b2 = torch.zeros(2, requires_grad=True)


def network(x):
    return torch.tanh(x @ w1 + b1) @ w2 + b2


opt = torch.optim.Adam([w1, b1, w2, b2], lr=0.03)
for step in range(1, 201):
    loss = functional.cross_entropy(network(x), t)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        right = (network(x).argmax(1) == t).float().mean()
        print(f"step {step}: loss {loss.item():.3f}, {100 * right.item():.0f}% right")
for row in range(9):
    points = torch.tensor([[column / 8 - 1.1, 1.3 - row / 4] for column in range(27)])
    print("".join(".#"[moon] for moon in network(points).argmax(1)))
