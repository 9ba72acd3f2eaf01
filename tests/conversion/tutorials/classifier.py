"""A small network for three classes of points, written without modules."""

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR

torch.manual_seed(1)
n_samples, n_classes = 90, 3
centers = torch.tensor([[0.0, 2.0], [-2.0, -1.0], [2.0, -1.0]])
targets = torch.arange(n_samples) % n_classes
inputs = centers[targets] + 0.7 * torch.randn(n_samples, 2)


def init(fan_in: int, fan_out: int):
    w = torch.randn(fan_in, fan_out) / fan_in**0.5
    return w.requires_grad_(), torch.zeros(fan_out, requires_grad=True)


W1, b1 = init(2, 16)
W2, b2 = init(16, n_classes)
params = [W1, b1, W2, b2]
activation = nn.Tanh()


def model(xb):
    hidden = activation(xb @ W1 + b1)
    return hidden @ W2 + b2


def accuracy(out, yb):
    preds = torch.argmax(out, dim=1)
    return (preds == yb).float().mean()


@torch.no_grad()
def evaluate():
    out = model(inputs)
    return F.cross_entropy(out, targets), accuracy(out, targets)


optimizer = optim.Adam(params, lr=0.05)
scheduler = StepLR(optimizer, step_size=20, gamma=0.5)
criterion = nn.CrossEntropyLoss()
for step in range(1, 61):
    optimizer.zero_grad()
    loss = criterion(model(inputs), targets)
    loss.backward()
    nn.utils.clip_grad_norm_(params, max_norm=1.0)
    optimizer.step()
    scheduler.step()
    if step % 20 == 0:
        value, share = evaluate()
        lr = scheduler.get_last_lr()
        print(f"step {step:>3}: loss {value:.4f}, accuracy {share.item():.1%}, lr {lr}")

probabilities = F.softmax(model(centers), dim=-1)
print(probabilities)
print(probabilities.argmax(1))
total = sum(p.numel() for p in params)
print(total, "parameters,", "converged" if loss.item() < 0.2 else "not converged")
