"""Forms of Python around tensors."""

from __future__ import annotations

import math

import torch as th
from torch import tensor as T

show = T([1, 2, 3])
plot = show.float() + 0.5
print(show, plot)
time: float = 3.0
grad = T([1.0], requires_grad=True)
steps, to, over = 2, 5, "text"
print(time, grad * steps, to, over)
none = 4
print(none ** 2 // 3 % 4, -none ** 2, (-none) ** 2, 2 ** -1, 1_000, .5, 7 & 3 | 8)
mean = th.mean(plot)
print(mean, th.mean(plot * 2), plot.sum() > mean)
n = 4
print(1 < n <= 4, not n == 3, (n != 2 and n > 1) or False, 0 < n < 3)
label = "big" if n > 3 else "small"
print(label, "=" * 5, 'it\'s "quoted"', f"{label!r:>8} {n:03d} {{}} {plot[0]:.2f}")
squares = [i * i for i in range(n) if i != 2]
rows = [T([float(i), 1.0]) for i in range(3)]
stacked = th.stack([r * 2 for r in rows])
print(len(squares), squares[-1], stacked)
total = 0
for i, row in enumerate(rows):
    total += i * row.sum()
for left, right in zip(rows, squares):
    total = total + left[0] * right
print(total)
losses = []
count = 0
while True:
    count += 1
    if count == 2:
        continue
    elif count > 4:
        break
    else:
        losses.append(count / 2)
print(losses[0], len(losses), sum(v for v in losses))
print(math.pi, math.sqrt(2.0), math.floor(2.7), math.exp(1.0), float("inf"), int("7"))
m = th.arange(12.0).view(3, 4)
m[0, 1:3] = -1
m[m > 9] *= 2
m[..., -1] += 1
print(m[[0, 2]], m[:, None, 1].shape, m.shape[0], m.size(1))
print(m.max(dim=1).values, th.topk(m.flatten(), 2).indices)
a, (b) = 1, 2
a, b = b, a
del n
print(a, b, float(m.sum()), int(m[0, 0]), m.T.mean(0).tolist())


def outer(scale, shift=1):
    def inner(x):
        if x > 2:
            return x * scale
        return x + shift

    return inner


f = outer(3)
print(f(1), f(5), outer(2, shift=7)(0))
g = lambda x, y: x @ y  # noqa: E731
print(g(rows[0], rows[1]))


def nothing():
    pass


assert nothing() is None, "a function without return gives None"
with th.enable_grad():
    pass
with th.no_grad(), th.enable_grad():
    print((grad * 2).requires_grad)
show.float()
plot + 1
"a text that does nothing"
