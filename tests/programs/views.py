import torch


def first_line(error):
    return str(error).splitlines()[0]


x = torch.arange(6.0).reshape(2, 3).requires_grad_()
y = x * 2
v = y[1:]
v *= 3
print(y)
print(v)
y.sum().backward()
print(x.grad)
x.grad = None
y = x.exp()
y[0] = 0
y[:, 1] += 1
print(y, y._version)
try:
    y.sum().backward()
    print(x.grad)
except RuntimeError as e:
    print(first_line(e))
try:
    x[0] = 1
except RuntimeError as e:
    print(first_line(e))
try:
    x += 1
except RuntimeError as e:
    print(first_line(e))
z = x * x
w = z * z
z += 1
try:
    w.sum().backward()
except RuntimeError as e:
    print(first_line(e))
d = x.detach()
d[0, 0] = 100
print(x)
m = x > 3
print(m, x[m], x[[0, 1], [1, 2]])
t = x.T
print(t, t.is_contiguous())
q = x.clone()
q[m] = -1.0
print(q)
print(x[..., None].shape, x[-1, ::2], x[0, 1:], x[:, None, 1])
a, b = x
print(a, b)
c = torch.cat([x, x * 10], 1)
print(c, torch.stack([a, b], dim=1))
s = x.sum()
s.backward(retain_graph=True)
s.backward()
print(x.grad)
try:
    s.backward()
except RuntimeError as e:
    print(first_line(e))
