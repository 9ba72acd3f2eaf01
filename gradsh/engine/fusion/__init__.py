"""Whole-expression fusion: large pointwise expressions evaluated block by block.

- `deferred`: arrays that record what numpy would compute; `program`: the record;
- `plan`: how a program is cut into blocks; `execution`: running it, on several threads;
- `node`: the part of the graph that such an expression is; `expression`: the way in.
"""
