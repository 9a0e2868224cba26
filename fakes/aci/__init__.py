"""A fake of Azure Container Instances behind Azure Resource Manager, with the identity services in front of it.

``cloud.AciCloud.handle`` is the whole of it: a request in, a response out; no transport, no clock of its own. The doors
are thin: ``inprocess`` (virtual time), ``http`` (every client) and ``mocked`` (the synchronous SDK in one process).
What a reader should know first: ``defaults`` has the numbers, ``errors`` what is refused how, ``group`` the life of a
container group, ``script`` how its containers behave. The wire forms follow the published REST specification of
2023-05-01 and what Microsoft's own command-line tools recorded in their tests.
"""
