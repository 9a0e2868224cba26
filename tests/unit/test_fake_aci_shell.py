"""The little shell of the fake Azure's containers: what is written when, how long it takes, and how it ends."""

import pytest

from fakes.cloud.shell import FOREVER, Outcome, Piece, Shell, runs_on


def shell() -> Shell:
    return Shell({"COLOUR": "blue"}, "web")


@pytest.mark.parametrize(
    ("script", "output", "takes", "code"),
    [
        ("echo hello", "hello\n", 0, 0),
        ("echo -n hello", "hello", 0, 0),
        ("echo $COLOUR ${COLOUR} $NONE", "blue blue \n", 0, 0),
        ("exit 3", "", 0, 3),
        ("exit 3; echo no", "", 0, 3),
        ("false || echo yes", "yes\n", 0, 0),
        ("false && echo no; echo $?", "1\n", 0, 0),
        ("sh -c 'echo hello; exit 3'; echo $?", "hello\n3\n", 0, 0),
        ("printenv COLOUR", "blue\n", 0, 0),
        ("printenv NONE", "", 0, 1),
        ("sleep 2; echo done", "done\n", 2, 0),
        ("sleep infinity", "", FOREVER, 0),
        ("while true; do echo hello; sleep 20; done", "", FOREVER, 0),
        ("cat /etc/passwd | wc", "", FOREVER, 0),
        ("nginx", "sh: nginx: not found\n", 0, 127),
        ("echo 'never closed", "sh: No closing quotation\n", 0, 2),
        ("", "", 0, 0),
    ],
)
def test_a_script(script: str, output: str, takes: float, code: int) -> None:
    outcome = shell().script(script)
    assert "".join(each.text for each in outcome.output) == output
    assert (outcome.takes, outcome.code) == (takes, code)


def test_output_has_its_time() -> None:
    outcome = shell().script("echo one; sleep 5; echo two")
    assert outcome == Outcome((Piece(0.0, "one\n"), Piece(5.0, "two\n")), 5.0, 0)


def test_a_program_that_is_not_known_runs_on_in_a_container() -> None:
    assert Shell({}, "web", runs_on).run(["nginx", "-g"]) == Outcome((), FOREVER, 0)
    assert Shell({}, "web", runs_on).run(["sh", "-c", "echo hi; nginx"]).takes == FOREVER


def test_a_shell_remembers_its_last_exit_code() -> None:
    typed = shell()
    typed.script("false")
    assert typed.script("echo $?").output == (Piece(0.0, "1\n"),)
    typed.script("exit")
    assert typed.ended
