import math

import torch

torch.manual_seed(3)
inf, nan = math.inf, math.nan
print(torch.tensor(3), torch.tensor(2.5), torch.tensor(True), torch.tensor(1e-5), -torch.zeros(1))
print(
    torch.tensor([1, 2, 3]),
    torch.tensor([1.0, 2.0, 3.0]),
    torch.tensor([1.5, 2000.25]),
    torch.tensor([1e-8, 1.0]),
    torch.tensor([1e10, 1.0]),
)
print(
    torch.tensor([inf, -inf, nan, 1.0]),
    torch.tensor([nan]),
    torch.tensor([[True, False], [False, True]]),
)
print(
    torch.zeros(0),
    torch.zeros(2, 0),
    torch.ones(2, dtype=torch.float64),
    torch.arange(3, dtype=torch.int32),
)
print(torch.randn(3, 4) * 1000)
print(torch.rand(20))
print(torch.randn(2, 3, 4))
print(torch.arange(2000))
print(torch.randn(40, 60))
x = torch.randn(5, requires_grad=True)
print(x, x * 2, x.sum(), (x * 1e-6))
print(x.double(), x.requires_grad, x.shape, x.dtype, x.grad)
print((x[0], x[1] * 2), None, True, 3, 2.5, "text")
print(torch.randint(10, (3, 3)), torch.randperm(5), x > 0)
print(torch.full((2, 2), 7), torch.eye(3), torch.linspace(0, 1, 5), torch.logspace(0, 3, 4))
torch.set_printoptions(precision=2)
print(torch.randn(3))
torch.set_printoptions(precision=4)
