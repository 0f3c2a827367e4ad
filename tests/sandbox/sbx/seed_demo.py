def load(sb): pass
