"""How it is done: the walk, the loop, the lease. Sees ports and the core, never an adapter."""
