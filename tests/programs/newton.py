"""The PyTorch twin of scripts/newton.grad."""

import torch


def rosenbrock(v):
    return (1 - v[0]) ** 2 + 100 * (v[1] - v[0] ** 2) ** 2


x = torch.tensor([-1.2, 1.0], dtype=torch.float64, requires_grad=True)
for step in range(7):
    value = rosenbrock(x)
    (g,) = torch.autograd.grad(value, x)
    print(f"step {step}: x = ({x[0].item():9.6f}, {x[1].item():9.6f})  value {value.item():.6f}")
    H = torch.autograd.functional.hessian(rosenbrock, x)
    x = (x - torch.linalg.solve(H, g)).detach().requires_grad_()
print(x.detach())
print(torch.linalg.eigvalsh(torch.autograd.functional.hessian(rosenbrock, x)))
