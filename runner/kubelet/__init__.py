"""The kubelet's HTTPS API, for the parts of it that the API server asks a virtual node for."""
