"""Azure Container Instances: each pod is a container group."""
