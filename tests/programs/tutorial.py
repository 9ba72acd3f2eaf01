"""The PyTorch twin of scripts/tutorial.grad."""

import torch

x = torch.ones(2, 2, requires_grad=True)
print(x)
y = x + 2
print(y)
print(y.grad_fn.name())
z = y * y * 3
out = z.mean()
print(z, out)
torch.manual_seed(0)
a = torch.randn(2, 2)
a = (a * 3) / (a - 1)
print(a.requires_grad)
a.requires_grad_(True)
print(a.requires_grad)
b = (a * a).sum()
print(b.grad_fn.name())
print(x.grad)
out.backward()
print(x.grad)
x = torch.randn(3).requires_grad_()
y = x * 2
while y.data.norm() < 1000:
    y = y * 2
print(y)
try:
    y.backward()
except RuntimeError as error:
    print(str(error).splitlines()[0])
y.backward(torch.tensor([0.1, 1.0, 0.001]))
print(x.grad)
w = torch.randn(3)
w.requires_grad_(True)
w.requires_grad_(False)
print(w.requires_grad, (w**2).requires_grad)
print(x.requires_grad)
print((x**2).requires_grad)
with torch.no_grad():
    print((x**2).requires_grad)
y = x.detach()
print(y.requires_grad)
print(x.eq(y).all())
