"""Where a virtual node's pods run: the provider interface, the registry, and one package for each cloud."""
