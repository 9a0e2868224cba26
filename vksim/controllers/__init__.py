"""The controllers of a cluster, with Kubernetes' rules and numbers: each one works alone against any API server."""
