import torch

torch.manual_seed(42)
X = torch.randn(100, 3)
true_w = torch.tensor([[1.5], [-2.0], [0.7]])
y = X @ true_w + 0.3 + torch.randn(100, 1) * 0.2
w = torch.zeros(3, 1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for step in range(120):
    loss = torch.mean((X @ w + b - y) ** 2)
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
    w.grad.zero_()
    b.grad.zero_()
    if step % 30 == 0:
        print(step, loss.item() < 10, loss)
print(w)
print(b)
