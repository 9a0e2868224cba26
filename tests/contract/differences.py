"""Where the fake is known to answer otherwise than the real one.

Each is a bug or a gap of the fake; whoever mends one takes its line away. The document of the fake API server tells the
reasons.
"""

DIFFERENCES = frozenset(
    {
        "pods: status: of the wrong type",
        "protocol: an unknown method",
    }
)
