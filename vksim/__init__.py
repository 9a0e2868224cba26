"""Whole clusters in virtual time: scenarios, scheduler, faults, invariants and reports around the production runner."""
