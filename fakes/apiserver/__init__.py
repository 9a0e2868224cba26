"""A fake kube-apiserver: a store, a table of resources, one request pipeline, and two doors to it."""
