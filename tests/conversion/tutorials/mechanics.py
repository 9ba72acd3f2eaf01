# How autograd records, and what it refuses.
import torch
from torch.autograd import grad
from torch.autograd.functional import hessian, jacobian, vjp

x = torch.ones(5)  # input tensor
y = torch.zeros(3)  # expected output
torch.manual_seed(3)
w = torch.randn(5, 3, requires_grad=True)
b = torch.randn(3, requires_grad=True)
z = torch.matmul(x, w) + b
loss = torch.nn.functional.binary_cross_entropy_with_logits(z, y)
print(type(z.grad_fn).__name__, type(loss.grad_fn).__name__)
loss.backward()
print(w.grad)
print(b.grad)

z = torch.matmul(x, w) + b
print(z.requires_grad)
with torch.no_grad():
    z = torch.matmul(x, w) + b
print(z.requires_grad)
z_det = (torch.matmul(x, w) + b).detach()
print(z_det.requires_grad, z_det.is_leaf)

# A Jacobian product, several times
inp = torch.eye(4, 5, requires_grad=True)
out = (inp + 1).pow(2).t()
out.backward(torch.ones_like(out), retain_graph=True)
print(f"First call\n{inp.grad}")
out.backward(torch.ones_like(out), retain_graph=True)
print(f"\nSecond call\n{inp.grad}")
inp.grad.zero_()
out.backward(gradient=torch.ones_like(out), retain_graph=True)
print(f"\nCall after zeroing gradients\n{inp.grad}")

# What goes wrong
try:
    out.backward()
except RuntimeError as error:
    print("error:", error)
a = torch.tensor([2.0, 3.0], requires_grad=True)
try:
    a += 1
except RuntimeError as e:
    print(str(e).splitlines()[0])
q = 3 * a**3
try:
    (q * q).sum().backward()
    q.sum().backward()
except Exception as e:
    print(f"again: {e}")

# Hooks, derivatives of derivatives
h = a.register_hook(lambda g: g * 2)
a.grad = None
(a**2).sum().backward()
print(a.grad, a.grad_fn is None, a.grad is not None)
h.remove()
(first,) = grad((a**3).sum(), a, create_graph=True)
(second,) = grad(first.sum(), [a])
print(first, second)
print(jacobian(lambda t: t.exp().sum(dim=0), torch.zeros(2, 2)))
print(hessian(lambda t: (t**2).prod(), torch.tensor([1.0, 2.0])))
print(vjp(lambda t: t * 2, torch.ones(2), torch.tensor([1.0, 0.5])))


class Clamp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, low, high=1.0):
        result = values.clamp(low, high)
        ctx.low = low
        ctx.limit = high
        ctx.save_for_backward(values, result)
        return result

    @staticmethod
    def backward(ctx, g):
        v, r = ctx.saved_tensors
        inside = (v >= ctx.low) & (v <= ctx.limit)
        return g * inside + 0 * r, None, None


v = torch.tensor([-1.0, 0.5, 2.0], requires_grad=True)
clamped = Clamp.apply(v, 0.0, 1.0)
print(clamped)
clamped.sum().backward()
print(v.grad)
