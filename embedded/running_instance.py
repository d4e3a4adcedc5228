"""The record of a running instance, for other commands and for a later start."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from embedded.errors import EmbeddedError
from embedded.process_identity import ProcessIdentity
from shared.core.settings import Settings

PREFIX = "TOETSFEEDBACK_"
DATABASE_URL = "TOETSFEEDBACK_DATABASE_URL"
REDIS_URL = "TOETSFEEDBACK_REDIS_URL"
STORAGE_URL = "TOETSFEEDBACK_STORAGE_URL"
PUBLIC_URL = "TOETSFEEDBACK_PUBLIC_URL"
POSTGRES = "postgres"
"""The name of the embedded server among the recorded processes."""


@dataclass(frozen=True, slots=True)
class DirectoryIdentity:
    """A directory: a copy has the same content, and not the same inode."""

    device: int
    inode: int
    path: str

    @classmethod
    def of(cls, path: Path) -> Self:
        state = path.stat()
        return cls(state.st_dev, state.st_ino, str(path))

    def is_same(self, other: "DirectoryIdentity") -> bool:
        """Compare without the path, which changes when the directory is renamed."""
        return (self.device, self.inode) == (other.device, other.inode)


@dataclass(frozen=True, slots=True)
class RecordedProcess:
    name: str
    identity: ProcessIdentity


@dataclass(frozen=True, slots=True)
class RunningInstance:
    """A running instance.

    `environment` has the `TOETSFEEDBACK_…` variables of this instance, with secrets. Its database
    URL is that of the database owner; `logins` has the URL of each program. `owner` is the process
    that starts and restarts the others; `api_url` is None until the programs are ready.
    `directory` is where it runs.
    """

    owner: ProcessIdentity
    directory: DirectoryIdentity
    environment: Mapping[str, str]
    processes: tuple[RecordedProcess, ...] = ()
    api_url: str | None = None
    logins: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_development(self) -> bool:
        """Return True if `up` started PostgreSQL itself; every other instance is for production."""
        return any(process.name == POSTGRES for process in self.processes)

    def environment_of(self, program: str) -> dict[str, str]:
        """Return the environment of a program, or of the `owner`.

        Raises:
            EmbeddedError: there are no logins yet.
        """
        if program == "owner":
            return dict(self.environment)
        if program not in self.logins:
            raise EmbeddedError("the instance is still starting: try again in a moment")
        return dict(self.environment) | {DATABASE_URL: self.logins[program]}

    @property
    def database_url(self) -> str:
        return self.environment[DATABASE_URL]

    @property
    def redis_url(self) -> str:
        return self.environment[REDIS_URL]

    @property
    def storage_url(self) -> str:
        return self.environment[STORAGE_URL]

    def settings(self) -> Settings:
        """Return the settings of a program with this environment."""
        values = {n.removeprefix(PREFIX).lower(): v for n, v in self.environment.items()}
        return Settings.model_validate(values)

    def to_json(self) -> str:
        return json.dumps(
            {
                "owner": _identity_to_json(self.owner),
                "directory": asdict(self.directory),
                "environment": dict(self.environment),
                "processes": [
                    {"name": process.name} | _identity_to_json(process.identity)
                    for process in self.processes
                ],
                "apiUrl": self.api_url,
                "logins": dict(self.logins),
            },
            indent=2,
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parse the output of `to_json`.

        Raises:
            ValueError, KeyError, TypeError: the text is something else.
        """
        record = json.loads(text)
        return cls(
            owner=_identity_from_json(record["owner"]),
            directory=DirectoryIdentity(**record["directory"]),
            environment=record["environment"],
            processes=tuple(
                RecordedProcess(process["name"], _identity_from_json(process))
                for process in record["processes"]
            ),
            api_url=record["apiUrl"],
            logins=record.get("logins", {}),
        )


def _identity_to_json(identity: ProcessIdentity) -> dict[str, str | int]:
    return {"pid": identity.pid, "started": identity.started}


def _identity_from_json(record: Mapping[str, object]) -> ProcessIdentity:
    return ProcessIdentity(int(str(record["pid"])), str(record["started"]))
