"""The PyTorch twin of scripts/characters.grad."""

import torch
from torch.nn import functional

text = "the cat sat on the mat. the dog sat on the log. the rat ran at the cat. "
letters = " .abcdefghijklmnopqrstuvwxyz"
codes = torch.tensor([letters.index(letter) for letter in text])
before = codes[:-1].unfold(0, 5, 1)
after = codes[5:]
torch.manual_seed(5)
table = (torch.randn(len(letters), 6) * 0.5).requires_grad_()
w1 = (torch.randn(30, 32) * 0.2).requires_grad_()
b1 = torch.zeros(32, requires_grad=True)
w2 = (torch.randn(32, len(letters)) * 0.2).requires_grad_()
b2 = torch.zeros(len(letters), requires_grad=True)


def scores(before):
    return torch.tanh(functional.embedding(before, table).flatten(1) @ w1 + b1) @ w2 + b2


opt = torch.optim.Adam([table, w1, b1, w2, b2], lr=0.02)
for step in range(1, 151):
    loss = functional.cross_entropy(scores(before), after)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print(f"step {step}: loss {loss.item():.2f}")
written = "the c"
for _ in range(60):
    last = [letters.index(letter) for letter in written[-5:]]
    written += letters[scores(torch.tensor([last])).argmax(1).item()]
print(written)
