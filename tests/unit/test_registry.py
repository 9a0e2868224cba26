"""Finding providers by name: the built-in one, another package's, and clear words where there is none."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from providers import registry
from providers.mock import create

Install = Callable[[str, str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Installs a package of one module, with a provider in its metadata."""

    def install(provider: str, module: str, code: str) -> None:
        metadata = tmp_path / f"{module}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[vksim.providers]\n{provider} = {module}:create\n")
        (tmp_path / f"{module}.py").write_text(code)
        monkeypatch.delitem(sys.modules, module, raising=False)

    monkeypatch.syspath_prepend(tmp_path)
    return install


def test_the_mock_is_there() -> None:
    assert "mock" in registry.names()
    assert registry.load("mock") is create


def test_another_packages_provider_is_found(install: Install) -> None:
    install("mycloud", "mypackage", "def create(context): return 'mine'\n")
    assert "mycloud" in registry.names()
    assert registry.load("mycloud")(None) == "mine"  # type: ignore[arg-type]  # this one takes anything


def test_an_unknown_name_lists_those_there_are_and_suggests_one() -> None:
    with pytest.raises(registry.UnknownProvider) as raised:
        registry.load("mok")
    assert str(raised.value).startswith("provider 'mok' not found; there are: ")
    assert str(raised.value).endswith("; did you mean 'mock'?")


def test_a_name_like_no_other_gets_no_suggestion() -> None:
    with pytest.raises(registry.UnknownProvider) as raised:
        registry.load("zzz")
    assert "did you mean" not in str(raised.value)


def test_a_missing_library_is_named_with_what_to_install(install: Install) -> None:
    install("mycloud", "mypackage", "import a_library_that_is_not_there\n")
    with pytest.raises(registry.ProviderNotInstalled) as raised:
        registry.load("mycloud")
    assert "provider 'mycloud' needs the package 'a_library_that_is_not_there'" in str(raised.value)
    assert "vksim[" not in str(raised.value), "an extra of ours would not install what another package needs"


def test_a_library_in_a_version_that_does_not_fit_is_said(install: Install) -> None:
    install("mycloud", "mypackage", "from json import not_there\n")
    with pytest.raises(registry.ProviderNotInstalled) as raised:
        registry.load("mycloud")
    assert "not_there" in str(raised.value)
