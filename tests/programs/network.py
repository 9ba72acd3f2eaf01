import torch

torch.manual_seed(7)
x = torch.randn(64, 20)
t = torch.randn(64, 5)
w1 = torch.randn(20, 30) * 0.1
w2 = torch.randn(30, 5) * 0.1
w1.requires_grad_()
w2.requires_grad_()


def forward(x):
    return torch.relu(x @ w1) @ w2


for step in range(50):
    loss = torch.sum((forward(x) - t) ** 2)
    loss.backward()
    with torch.no_grad():
        for w in (w1, w2):
            w -= 1e-3 * w.grad
            w.grad = None
    if step % 10 == 9:
        print(step, loss)
print(w2[0], w1.shape)
print(torch.norm(w1), torch.sigmoid(forward(x)).mean(dim=0))
