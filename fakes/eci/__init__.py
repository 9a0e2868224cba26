"""A fake Elastic Container Instance: the API of 2018-08-08 as a state machine, and doors to it."""
