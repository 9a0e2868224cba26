"""A node agent without a machine under it: registers a virtual node and runs its pods through a provider."""
