"""The parts of `scripts/dev/bench`.

- `rows`: what is measured, one decorated function a row, with the target beside it.
- `registry`: what a row is; `contests`: how its contenders are timed in turn.
- `worker`: runs one contender in a process of its own; `gradsh_side`, `torch_side`, `numpy_side`
  and `autograd_side` are the work each does.
- `environment`: the installed package that is measured; `report`: the table.
"""
