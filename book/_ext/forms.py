def show(b): pass
