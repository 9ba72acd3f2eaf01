"""The PyTorch twin of scripts/pendulum.grad."""

import torch
from torch.nn import functional

g = 9.81
dt = 0.02
steps = 150


def swing(length):
    angle = torch.tensor(1.0, dtype=torch.float64)
    speed = torch.tensor(0.0, dtype=torch.float64)
    seen = []
    for _ in range(steps):
        speed = speed - dt * g / length * torch.sin(angle)
        angle = angle + dt * speed
        seen.append(angle)
    return torch.stack(seen)


torch.manual_seed(0)
measured = swing(torch.tensor(1.3, dtype=torch.float64))
measured = measured + 0.02 * torch.randn(steps, dtype=torch.float64)
length = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
opt = torch.optim.SGD([length], lr=0.05)
for step in range(60):
    loss = functional.mse_loss(swing(length), measured)
    opt.zero_grad()
    loss.backward()
    if step % 10 == 0:
        print(f"step {step:2d}: length {length.item():.4f}  loss {loss.item():.5f}")
    opt.step()
print(f"the pendulum is {length.item():.3f} long")
