"""Which form of an answer a client accepts, by its ``Accept`` header. Pure."""

from enum import Enum

from fakes.apiserver import errors


class Form(Enum):
    """The forms that answers about objects come in."""

    JSON = "application/json"
    TABLE = "application/json;as=Table"
    YAML = "application/yaml"
    PROTOBUF = "application/vnd.kubernetes.protobuf"


def form(accept: str, *, watch: bool = False) -> Form:
    """The first form of the header that is served here: YAML is, but not for a watch.

    Weights (``q=``) are not read: the clients of Kubernetes name what they want best first.

    Raises:
        StatusError: 406 if none is.
    """
    for clause in accept.split(","):
        media, *rest = (part.strip() for part in clause.lower().split(";"))
        parameters = dict(part.split("=", 1) for part in rest if "=" in part)
        if media in ("", "*/*", "application/*", "application/json"):
            if "as" not in parameters:
                return Form.JSON
            if (parameters["as"], parameters.get("g"), parameters.get("v")) == ("table", "meta.k8s.io", "v1"):
                return Form.TABLE
        elif media == Form.PROTOBUF.value and "as" not in parameters:
            return Form.PROTOBUF
        elif media == Form.YAML.value and not watch:
            return Form.YAML
    served = [each.value for each in (Form.JSON, Form.YAML, Form.PROTOBUF) if not (watch and each is Form.YAML)]
    raise errors.not_acceptable(served, watch=watch)
