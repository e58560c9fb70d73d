"""Tasks that ask for a long memory: adding, copying, and the gates taken away one by one."""
