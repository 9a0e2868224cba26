"""What Kubernetes publishes about its types, for the parts of the API server that work from it."""

from fakes.apiserver.schema.types import ANY, DEDUCED, Form, Schema, definition, of_kind, of_type

__all__ = ["ANY", "DEDUCED", "Form", "Schema", "definition", "of_kind", "of_type"]
