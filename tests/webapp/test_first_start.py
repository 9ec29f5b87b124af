"""First start: a user with a working password, and collected static files."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import brotli
import pytest
from django.core.management import call_command
from django.test import Client

from tests.system.installation import ROOT, environment
from webapp.auth import accounts
from webapp.models import Role, User
from webapp.ops import static_files


def contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder by name."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


@pytest.fixture
def var(settings: Any, tmp_path: Path) -> Path:
    """Data folder before the first start."""
    settings.VAR = tmp_path
    return tmp_path


@pytest.mark.database
@pytest.mark.django_db
class TestFirstLogin:
    def test_an_operator_is_made_whose_password_logs_in(self, var: Path) -> None:
        said = accounts.first_login("operator")
        password = said.rpartition(" ")[2]
        assert said == f"log in as operator with password {password}"
        user = User.objects.get()
        assert (user.role, user.check_password(password)) == (Role.OPERATOR, True)

    def test_the_next_start_says_the_same_and_makes_nobody(self, var: Path) -> None:
        assert accounts.first_login("operator") == accounts.first_login("operator")
        assert User.objects.count() == 1

    def test_the_kept_password_is_for_its_owner_alone(self, var: Path) -> None:
        accounts.first_login("operator")
        assert stat.S_IMODE((var / "first_password").stat().st_mode) == 0o600

    def test_once_it_is_another_one_none_is_printed(self, var: Path) -> None:
        accounts.first_login("operator")
        accounts.new_password("operator")
        assert accounts.first_login("operator") == "log in with your name and password"

    def test_where_there_are_users_already_none_is_made(self, var: Path) -> None:
        accounts.create_user("ada", Role.ADMIN)
        assert accounts.first_login("operator") == "log in with your name and password"
        assert not User.objects.filter(username="operator").exists()

    def test_a_password_that_an_earlier_database_left_is_replaced(self, var: Path) -> None:
        (var / "first_password").write_text("from another time")
        password = accounts.first_login("operator").rpartition(" ")[2]
        assert User.objects.get().check_password(password)
        assert "another" not in accounts.first_login("operator")


class TestFiles:
    @pytest.fixture
    def sheet(self, settings: Any, tmp_path: Path) -> Path:
        """Return the only static file of a small project."""
        settings.STATIC_ROOT = tmp_path / "collected"
        settings.STATICFILES_DIRS = [tmp_path / "static"]
        settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
        settings.STORAGES = {
            **settings.STORAGES,
            "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
        }
        found = tmp_path / "static" / "sheet.css"
        found.parent.mkdir()
        found.write_text("a { color: red }")
        return found

    def collected(self, tmp_path: Path) -> set[str]:
        return {path.name for path in (tmp_path / "collected").glob("sheet.*")}

    def test_they_are_named_by_their_content_and_collected_once(
        self, sheet: Path, tmp_path: Path
    ) -> None:
        static_files.collect()
        (named,) = self.collected(tmp_path)
        assert named != "sheet.css"
        (tmp_path / "collected" / named).unlink()
        static_files.collect()
        assert self.collected(tmp_path) == set()

    def test_they_are_made_again_when_one_has_changed_or_gone(
        self, sheet: Path, tmp_path: Path
    ) -> None:
        static_files.collect()
        before = self.collected(tmp_path)
        sheet.write_text("a { color: blue; }")
        static_files.collect()
        assert len(self.collected(tmp_path) - before) == 1
        sheet.unlink()
        static_files.collect()
        assert self.collected(tmp_path) == set()

    def test_compressed_they_are_those_of_the_library(
        self, sheet: Path, settings: Any, tmp_path: Path
    ) -> None:
        sheet.write_text("a { color: red }\n" * 100)
        (sheet.parent / "short.css").write_text("b")
        settings.STATIC_ROOT = tmp_path / "library"
        call_command("collectstatic", interactive=False, verbosity=0)
        expected = contents(settings.STATIC_ROOT)
        settings.STATIC_ROOT = tmp_path / "collected"
        static_files.collect()
        assert not any(name.endswith((".br", ".gz")) for name in contents(settings.STATIC_ROOT))
        static_files.compress()
        found = contents(settings.STATIC_ROOT)
        del found[static_files.STAMP], found[static_files.COMPRESSED]
        assert found == expected
        assert {name.rpartition(".")[2] for name in found} == {"css", "json", "br", "gz"}

    def test_interrupted_compressing_is_completed(self, sheet: Path, tmp_path: Path) -> None:
        sheet.write_text("a { color: red }\n" * 100)
        static_files.collect_or_exit()
        complete = contents(tmp_path / "collected")
        (copy,) = (tmp_path / "collected").glob("*.br")
        copy.unlink()
        (tmp_path / "collected" / static_files.COMPRESSED).unlink()
        static_files.collect_or_exit()  # a web process does not wait for it
        assert not copy.exists()
        static_files.collect_or_exit(always_compress=True)
        assert contents(tmp_path / "collected") == complete

    def test_they_are_served_before_and_after_they_are_compressed(
        self, sheet: Path, settings: Any
    ) -> None:
        sheet.write_text("a { color: red }\n" * 100)
        static_files.collect()
        settings.MIDDLEWARE = ["webapp.middleware.static_files.StaticFilesMiddleware"]
        settings.SECURE_SSL_REDIRECT = False
        client = Client(headers={"Accept-Encoding": "br"})
        (name,) = (path.name for path in settings.STATIC_ROOT.glob("sheet.*"))
        plain = client.get(f"/static/{name}")
        assert body(plain) == sheet.read_bytes()
        assert not plain.has_header("Content-Encoding")
        static_files.compress()
        compressed = client.get(f"/static/{name}")
        assert brotli.decompress(body(compressed)) == sheet.read_bytes()
        assert compressed["Content-Encoding"] == "br"
        assert compressed["Cache-Control"] == plain["Cache-Control"]
        identity = client.get(f"/static/{name}", headers={"Accept-Encoding": "identity"})
        assert body(identity) == sheet.read_bytes()

    def test_several_processes_that_start_together_collect_them_once(
        self, sheet: Path, tmp_path: Path
    ) -> None:
        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(static_files.collect) for _ in range(4)]:
                done.result()
        assert len(self.collected(tmp_path)) == 1
        assert [path.name for path in (tmp_path / "collected").parent.glob(".new*")] == []

    def test_where_they_cannot_be_collected_the_panel_does_not_start(
        self, sheet: Path, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings.STATIC_ROOT = sheet / "collected"  # in a file
        with pytest.raises(SystemExit, match="2"):
            static_files.collect_or_exit()
        message = capsys.readouterr().err
        assert f"cannot be collected in {settings.STATIC_ROOT} (" in message
        assert message.count("\n") == 1


def test_static_files_are_outside_of_the_data_folder(settings: Any) -> None:
    assert not Path(settings.STATIC_ROOT).is_relative_to(settings.VAR)


def test_behind_https_nothing_is_left_to_be_said_against_the_settings(tmp_path: Path) -> None:
    production = environment(
        DATA_DIR=str(tmp_path),
        HTTPS="true",
        SECRET_KEY="k3Y!" * 4 + "abcdefghijklmnopqrstuvwxyz0123456789-_xYz",
        DEBUG="",
        ALLOWED_HOSTS="panel.example.com",
    )
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    checked = subprocess.run(
        command, cwd=ROOT, env=production, capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (
        0,
        "System check identified no issues (0 silenced).\n",
        "",
    )
