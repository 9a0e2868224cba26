"""Every scenario of every feature file beside this module."""

from pytest_bdd import scenarios

scenarios(".")
