"""The PyTorch twin of scripts/logistic_regression.grad."""

import torch
from torch.nn import functional

torch.manual_seed(1)
n = 100
x = torch.cat(
    [
        torch.randn(n, 2) + torch.tensor([1.5, 1.0]),
        torch.randn(n, 2) - torch.tensor([1.0, 1.5]),
    ],
    0,
)
t = torch.cat([torch.ones(n), torch.zeros(n)], 0)
w = torch.zeros(2, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
opt = torch.optim.Adam([w, b], lr=0.05)
for step in range(1, 101):
    loss = functional.binary_cross_entropy_with_logits(x @ w + b, t)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 25 == 0:
        print(f"step {step}: loss {loss.item():.4f}")
with torch.no_grad():
    p = torch.sigmoid(x @ w + b)
    right = ((p > 0.5) == (t > 0.5)).float().mean()
    print(f"{100 * right.item():.1f}% right")
print(w)
point = torch.tensor([0.0, 0.0], requires_grad=True)
torch.sigmoid(point @ w + b).sum().backward()
print(point.grad)
