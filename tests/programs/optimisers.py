import torch
from torch.nn.functional import cross_entropy


def quadratic(x):
    return ((x - 1) ** 2 * torch.tensor([1.0, 5.0, 20.0])).sum()


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def start(f):
    return torch.tensor([3.0, -2.0, 0.5] if f is quadratic else [-0.5, 1.0], requires_grad=True)


def descend(f, x, opt):
    for step in range(50):
        opt.zero_grad()
        loss = f(x)
        loss.backward()
        opt.step()
        if step % 10 == 9:
            print(step, loss, x.data)


def both(make):
    for f in (quadratic, rosenbrock):
        x = start(f)
        opt = make(x)
        print(opt)
        descend(f, x, opt)


optim = torch.optim
both(lambda x: optim.SGD([x], lr=0.001))
both(lambda x: optim.SGD([x], lr=0.001, momentum=0.9, nesterov=True, weight_decay=0.01))
both(lambda x: optim.Adam([x], lr=0.1))
both(lambda x: optim.Adam([x], lr=0.1, betas=(0.8, 0.99), amsgrad=True, weight_decay=0.1))
both(lambda x: optim.AdamW([x], lr=0.1))
both(lambda x: optim.RMSprop([x], lr=0.01))
both(lambda x: optim.RMSprop([x], lr=0.01, momentum=0.9, centered=True))
both(lambda x: optim.Adagrad([x], lr=0.5))

for search in (None, "strong_wolfe"):
    for f in (quadratic, rosenbrock):
        x = start(f)
        opt = optim.LBFGS([x], max_iter=5, line_search_fn=search)

        def closure(x=x, f=f, opt=opt):
            opt.zero_grad()
            loss = f(x)
            loss.backward()
            return loss

        for step in range(5):
            print(step, opt.step(closure))
        print(x.data)

torch.manual_seed(3)
x = torch.randn(40, 4)
target = (x.sum(1) > 0).long() + (x[:, 0] > 1).long()
w1 = (torch.randn(4, 8) * 0.5).requires_grad_()
b1 = torch.zeros(8, requires_grad=True)
w2 = (torch.randn(8, 3) * 0.5).requires_grad_()
b2 = torch.zeros(3, requires_grad=True)
opt = optim.Adam([{"params": [w1, b1], "lr": 0.05}, {"params": [w2, b2]}], lr=0.02)
schedule = optim.lr_scheduler.CosineAnnealingLR(opt, 50)
for step in range(50):
    opt.zero_grad()
    loss = cross_entropy(torch.tanh(x @ w1 + b1) @ w2 + b2, target, label_smoothing=0.1)
    loss.backward()
    length = torch.nn.utils.clip_grad_norm_([w1, b1, w2, b2], 0.5)
    opt.step()
    schedule.step()
    if step % 10 == 9:
        print(step, loss, length, schedule.get_last_lr())
print(opt)
print(w2, b2)
