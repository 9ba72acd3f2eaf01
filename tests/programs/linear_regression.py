"""The PyTorch twin of scripts/linear_regression.grad."""

import csv
from pathlib import Path

import torch
from torch.nn import functional

TABLE = Path(__file__).resolve().parents[2] / "scripts" / "houses.csv"
with TABLE.open() as stream:
    rows = list(csv.DictReader(stream))
d = {name: torch.tensor([float(row[name]) for row in rows]) for name in rows[0]}
print(tuple(d), len(d["price"]))

x = torch.stack([d["area"], d["rooms"], d["age"]], 1)
x = (x - x.mean(0)) / x.std(0)
y = d["price"] / 100
w = torch.zeros(3, requires_grad=True)
b = torch.tensor(0.0, requires_grad=True)
opt = torch.optim.SGD([w, b], lr=0.1)
for step in range(200):
    loss = functional.mse_loss(x @ w + b, y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 40 == 0:
        print(f"step {step:3d}  loss {loss.item():.4f}")
print(w)
print(b)
A = torch.cat([x, torch.ones(len(x), 1)], 1)
print(torch.linalg.lstsq(A, y.unsqueeze(1)).solution.squeeze(1))
