"""`help`: pages on functions, variables, words and topics."""
