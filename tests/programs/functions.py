import torch
from torch.autograd import Function, grad, gradcheck, gradgradcheck
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp
from torch.utils.checkpoint import checkpoint


def f(x):
    return (x**3).sum()


def attempt(call):
    try:
        call()
    except RuntimeError as e:
        print(str(e).splitlines()[0])


x = torch.tensor([1.0, 2.0, 3.0])
print(hessian(f, x))
print(jacobian(lambda x: x.exp() * x[0], x))
print(jacobian(lambda x, y: x * y, (x, torch.ones(3))))
print(jacobian(lambda x: (x.sum(), x * 2), x))
print(hessian(lambda x, y: (x**2 * y).sum(), (x, x)))
print(vjp(lambda x: x * x, x, torch.ones(3)))
print(jvp(lambda x, y: (x @ y, x + y), (x, x), (torch.ones(3), torch.zeros(3))))
print(vhp(f, x, torch.tensor([1.0, 0.0, 0.0])), hvp(f, x, torch.tensor([0.0, 1.0, 0.0])))
w = x.clone().requires_grad_()
print(jacobian(lambda x: x * x, w, create_graph=True))
print(vjp(f, w, create_graph=True))
print(jvp(f, w, torch.ones(3), create_graph=True))
attempt(lambda: vjp(lambda x: x * x, x))
attempt(lambda: jacobian(lambda x: x.detach(), x, strict=True))
attempt(lambda: hessian(lambda x: x * 2, x))
attempt(lambda: jvp(f, x, torch.ones(2)))

p = torch.tensor([-1.2, 1.0])


def rosenbrock(p):
    return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2


for _ in range(5):
    g = jacobian(rosenbrock, p)
    p = p - torch.linalg.solve(hessian(rosenbrock, p), g)
    print(p)


class scaled(Function):  # noqa: N801
    @staticmethod
    def forward(ctx, a, b, k):
        ctx.save_for_backward(a, b)
        ctx.k = k
        return a * b * k, a + b

    @staticmethod
    def backward(ctx, g, h):
        a, b = ctx.saved_tensors
        return g * b * ctx.k + h, g * a * ctx.k + h, None


class wrong(Function):  # noqa: N801
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0]


a = torch.tensor([1.0, 2.0], requires_grad=True)
b = torch.tensor([3.0, 4.0], requires_grad=True)
u, v = scaled.apply(a, b, 2)
print(u, v)
(u * v).sum().backward()
print(a.grad, b.grad)
(g,) = grad(scaled.apply(a, b, 2)[0].sum(), a, create_graph=True)
print(g, grad(g.sum(), b))
d = x.double().requires_grad_()
print(gradcheck(lambda x: x.sin() * x, d), gradgradcheck(lambda x: x.sin() * x, d))
try:
    gradcheck(wrong.apply, d)
except RuntimeError as e:
    print(e)

y = checkpoint(lambda p, q: (p * q).tanh(), a, b, use_reentrant=True)
print(y)
a.grad = None
y.sum().backward()
print(a.grad, b.grad)
