"""Where the fake is known to answer otherwise than the real one.

Each is a bug or a gap of the fake; whoever mends one takes its line away. The document of the fake API server tells the
reasons.
"""

DIFFERENCES = frozenset(
    {
        "concurrency: a node's update needs a version no more than a config map's",
        "deletion: a node",
        "metadata: a node has no namespace",
        "metadata: an annotation that is null",
        "objects: node: a pod's network",
        "objects: node: a provider's ID",
        "objects: node: a provider's ID can be set once",
        "objects: node: a small one",
        "objects: node: allocatable",
        "objects: node: cordoned",
        "objects: node: labels and taints",
        "objects: node: status is taken from the start",
        "objects: node: the status of the object is left alone",
        "patches: json: no value",
        "patches: merge: another kind",
        "patches: merge: another version",
        "patches: strategic: a condition less",
        "patches: strategic: a condition more",
        "patches: strategic: a list where a map belongs",
        "patches: strategic: addresses are merged by type",
        "patches: strategic: capacity is a map",
        "patches: strategic: conditions are merged",
        "patches: strategic: conditions are replaced",
        "patches: strategic: taints are replaced",
        "pods: status: of the wrong type",
        "protocol: a table of a node",
        "protocol: an unknown method",
        "protocol: no such path",
        "protocol: versions",
        "workloads: a daemon set",
    }
)
