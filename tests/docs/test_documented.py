"""What a person can set is written down, and what is written down can be followed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from commands.flags import COMMANDS
from commands.options import build_parser
from exchanges.factory import ExchangeFactory
from exchanges.transport.setup import EnvKey
from helpers.settings import KEYS

ROOT = Path(__file__).resolve().parents[2]
OPERATING = ROOT / "docs" / "OPERATING.md"
ENV_EXAMPLE = ROOT / "env_example.txt"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)


def words_of(path: Path) -> set[str]:
    """Flags, commands and keys as whole words: `--for` is not documented by `--format`."""
    return set(re.findall(r"--[a-z][a-z0-9-]*|[A-Za-z_][A-Za-z0-9_]*", path.read_text(encoding="utf-8")))


def flags() -> set[str]:
    return set(re.findall(r"--[a-z][a-z0-9-]*", build_parser().format_help()))


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors_of(path: Path) -> set[str]:
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def targets_of(makefile: Path) -> set[str]:
    return set(re.findall(r"^([a-z][a-z-]*):", makefile.read_text(encoding="utf-8"), re.MULTILINE))


def test_the_parser_offers_flags_to_document() -> None:
    assert {"--exchange", "--ticker", "--on-stop", "--help"} <= flags()


def test_every_flag_is_in_the_operating_guide() -> None:
    assert flags() - words_of(OPERATING) == set()


def test_every_command_is_in_the_operating_guide() -> None:
    assert {command.name for command in COMMANDS} - words_of(OPERATING) == set()


def venue_keys(venue: str) -> tuple[EnvKey, ...]:
    keys: tuple[EnvKey, ...] = ExchangeFactory.load_venue(venue).KEYS
    return keys


def test_every_key_is_in_the_operating_guide() -> None:
    venues = {key.name for venue in ExchangeFactory.venues() for key in venue_keys(venue)}
    assert ({key.name for key in KEYS} | venues) - words_of(OPERATING) == set()


@pytest.mark.parametrize("venue", ExchangeFactory.venues())
def test_every_key_of_a_venue_is_in_its_own_document(venue: str) -> None:
    """The variables that every venue has under its own name are told once, in the operating guide."""
    common = re.compile(r"[A-Z]+_(BASE_URL|WS_URL|EXTRA_HOST|NETWORK)")
    own = {key.name for key in venue_keys(venue) if not common.fullmatch(key.name)}
    assert own - words_of(ROOT / "docs" / "exchanges" / f"{venue}.md") == set()


def test_the_example_env_file_names_every_key_that_is_read_once_and_no_other() -> None:
    lines = ENV_EXAMPLE.read_text(encoding="utf-8").splitlines()
    named = [(match[1], match[2]) for line in lines if (match := re.match(r"#? ?([A-Z][A-Z0-9_]*)=(.*)", line))]
    of_venues = [(key.name, key.default) for venue in ExchangeFactory.venues() for key in venue_keys(venue)]
    assert named == [*((key.name, key.default) for key in KEYS), *of_venues]


def test_the_example_env_file_sets_nothing_of_a_venue() -> None:
    """Copied as it is, it must neither move a venue to another network nor hold what looks like a key."""
    lines = ENV_EXAMPLE.read_text(encoding="utf-8").splitlines()
    of_venues = {key.name for venue in ExchangeFactory.venues() for key in venue_keys(venue)}
    assert [line for line in lines if line.partition("=")[0] in of_venues] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(document: Path) -> None:
    text = FENCE.sub("", document.read_text(encoding="utf-8"))
    broken = []
    for match in LINK.finditer(text):
        target = match[1] or match[2]
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (document.parent / path).resolve() if path else document
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors_of(file)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_make_target_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(r"(?:`|^ *\$? *)make ([a-z][a-z-]*)", document.read_text(encoding="utf-8"), re.MULTILINE))
    assert named - targets_of(ROOT / "Makefile") == set()


def test_the_documents_a_newcomer_looks_for_are_there() -> None:
    expected = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "docs/OPERATING.md"}
    assert expected - {path.relative_to(ROOT).as_posix() for path in DOCUMENTS} == set()
