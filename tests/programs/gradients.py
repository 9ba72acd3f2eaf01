import torch
from torch.autograd import grad


def tr(f):
    try:
        print(f())
    except (AssertionError, RuntimeError, TypeError, ValueError) as e:
        print(str(e).splitlines()[0])


x = torch.ones(2, requires_grad=True)
c = torch.ones(2)
z = torch.ones(2, requires_grad=True)
y = x * 2
tr(lambda: grad(y.sum(), c))
tr(lambda: grad((x * 2).sum(), z))
tr(lambda: grad((x * 2).sum(), [x, z], allow_unused=True))
tr(lambda: grad((x * 2).sum(), [x, z], materialize_grads=True))
tr(lambda: grad((x * 2).sum(), [x, z], materialize_grads=True, create_graph=True))
tr(lambda: grad((x * 2).sum(), [x, z], materialize_grads=True, allow_unused=False))
tr(lambda: grad((x * 2).sum(), []))
tr(lambda: grad((x * 2), x))
tr(lambda: grad(c.sum(), x))
tr(lambda: grad(5, x))
tr(lambda: grad((x * 2).sum(), 5))
tr(lambda: grad((x * 2).sum(), [5]))
tr(lambda: grad([5], [x]))
tr(lambda: grad((x * 2), x, torch.ones(3)))
tr(lambda: grad((x * 2), x, 3.0))
tr(lambda: grad((x * 2), x, [3.0]))
tr(lambda: grad([x * 2, x * 3], x, [torch.ones(2)]))
tr(lambda: grad([x * 2, x * 3], x, torch.ones(2)))
tr(lambda: grad([x * 2, x * 3], x, [torch.ones(2), None]))
tr(lambda: grad([x * 2, c], x, [torch.ones(2), None]))
tr(lambda: grad([x * 2], x, [torch.ones(2), torch.ones(2)]))
tr(lambda: grad(x, x, torch.ones(2)))
tr(lambda: grad(x * 2, x, torch.ones(2, dtype=torch.float64)))
tr(lambda: grad([x * 2, x * 3], x, (torch.ones(2), torch.ones(2, dtype=torch.float64))))


def bad():
    (x * 2).sum().backward(inputs=[c])


tr(bad)


def bad():
    (x * 2).sum().backward(inputs=[z])
    return z.grad


tr(bad)


def bad():
    (x * 2).sum().backward(inputs=[])
    return z.grad


tr(bad)


def bad():
    (x * 2).sum().backward(inputs=[3])
    return z.grad


tr(bad)


def bad():
    (x * 2).sum().backward(3.0)
    return z.grad


tr(bad)


def bad():
    (x * 2).backward(gradient=torch.ones(2, 2))
    return z.grad


tr(bad)
# hooks
print("hooks")
tr(lambda: c.register_hook(lambda g: g))


def h(ret):
    def go():
        a = torch.ones(2, requires_grad=True)
        b = a * 2
        b.register_hook(lambda g: ret)
        b.sum().backward()
        return a.grad

    return go


tr(h(3))
tr(h(torch.ones(3)))
tr(h(torch.ones(2, dtype=torch.float64)))
tr(h("x"))
tr(h((torch.ones(2),)))
tr(h(torch.ones(2, requires_grad=True)))
tr(h(torch.ones(1)))
tr(lambda: y.register_post_accumulate_grad_hook(lambda g: g))
tr(lambda: c.register_post_accumulate_grad_hook(lambda g: g))


def ph(ret):
    a = torch.ones(2, requires_grad=True)
    a.register_post_accumulate_grad_hook(lambda g: ret)
    (a * 2).sum().backward()
    return a.grad


tr(lambda: ph(3))
tr(lambda: ph(torch.ones(2)))


def arg():
    a = torch.ones(2, requires_grad=True)
    a.register_post_accumulate_grad_hook(lambda p: print("post", p.grad))
    (a * 2).sum().backward()
    (a * 2).sum().backward()
    return a.grad


tr(arg)
# hook order with retain_grad
a = torch.ones(2, requires_grad=True)
b = a * 2
b.retain_grad()
b.register_hook(lambda g: g * 10)
b.register_hook(lambda g: print("second", g))
(b * 3).sum().backward()
print(b.grad, a.grad)
# hook + inplace
a = torch.ones(2, requires_grad=True)
b = a * 2
b.register_hook(lambda g: print("hook", g))
b.retain_grad()
b *= 3
print(b.retains_grad)
b.register_hook(lambda g: print("hook2", g))
(b * 5).sum().backward()
print(b.grad, a.grad)
# captures with hooks
a = torch.ones(2, requires_grad=True)
b = a * 2
b.register_hook(lambda g: g * 10)
b.retain_grad()
print(grad((b * 3).sum(), [a, b], retain_graph=True), b.grad)
print(grad((b * 3).sum(), [b], retain_graph=True), b.grad)
a = torch.ones(2, requires_grad=True)
a.register_hook(lambda g: g * 10)
print(grad((a * 3).sum(), [a]), a.grad)
a = torch.ones(2, requires_grad=True)
a.register_post_accumulate_grad_hook(lambda g: print("post", "never"))
print(grad((a * 3).sum(), [a]), a.grad)
# multiple backward hooks leaf
a = torch.ones(2, requires_grad=True)
h1 = a.register_hook(lambda g: g * 2)
h2 = a.register_hook(lambda g: g + 1)
(a * 3).sum().backward()
print(a.grad)
h1.remove()
h1.remove()
(a * 3).sum().backward()
print(a.grad)
a.requires_grad_(False)
a.requires_grad_(True)
(a * 3).sum().backward()
print(a.grad)
# retain_grad on views after inplace
a = torch.ones(4, requires_grad=True)
b = a * 2
v = b[:2]
v.retain_grad()
b.retain_grad()
v *= 3
print(v.retains_grad, b.retains_grad, type(v.grad_fn).__name__, type(b.grad_fn).__name__)
(b * 5).sum().backward()
print(v.grad, b.grad, a.grad)
a = torch.ones(4, requires_grad=True)
b = a * 2
v = b[:2]
v.retain_grad()
b.retain_grad()
b *= 3
print(v.retains_grad, b.retains_grad, type(v.grad_fn).__name__, type(b.grad_fn).__name__)
(v * 5).sum().backward()
print(v.grad, b.grad, a.grad)

# accumulation: in place without a graph, a new tensor with one
a = torch.ones(2, requires_grad=True)
(a * 3).sum().backward()
first = a.grad
(a * 3).sum().backward()
print(first, (first.sum() == a.grad.sum()).detach(), first._version)
(a * 3).sum().backward(create_graph=True)
print((first.sum() == a.grad.sum()).detach(), a.grad)
a = torch.randn(3, 2).t().requires_grad_()
(a * 3).sum().backward()
print(a.grad.stride(), a.stride())
a = torch.ones(2, requires_grad=True)
g = a
for i in range(6):
    y = a.tanh() if i == 0 else g.sum()
    (g,) = grad(y.sum(), a, create_graph=True)
print(g)
for n in (1, 2, 3, 2.5):
    g = a**n
    for _ in range(4):
        (g,) = grad(g.sum(), a, create_graph=True)
        print(g)
        if not g.requires_grad:
            break
