"""Fakes as unforgiving as what they stand for: the Kubernetes API server, and clouds."""
