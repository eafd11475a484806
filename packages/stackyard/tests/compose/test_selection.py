"""Profiles and named services."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stackyard.compose.errors import SelectionError
from stackyard.compose.selection import (
    with_named_enabled,
    with_profiles,
    with_selected,
    without_unused,
)

if TYPE_CHECKING:
    from support import Workspace

    from stackyard.compose.model import Project

STACK = """\
services:
  web: {image: a, depends_on: [api]}
  api: {image: b, depends_on: [db], networks: [back], secrets: [key]}
  db: {image: c, volumes: [data:/data], networks: [back]}
  debug: {image: d, profiles: [tools, all]}
  shell: {image: e, profiles: [tools], configs: [rc]}
networks: {back: , front: }
volumes: {data: , unused: }
secrets: {key: {file: key}}
configs: {rc: {content: x}}
"""


@pytest.fixture
def project(workspace: Workspace) -> Project:
    return workspace.project(STACK)


class TestProfiles:
    @pytest.mark.parametrize(
        ("profiles", "enabled"),
        [
            ([], {"web", "api", "db"}),
            (["tools"], {"web", "api", "db", "debug", "shell"}),
            (["all"], {"web", "api", "db", "debug"}),
            (["*"], {"web", "api", "db", "debug", "shell"}),
            (["other"], {"web", "api", "db"}),
        ],
    )
    def test_enable_services(
        self, project: Project, profiles: list[str], enabled: set[str]
    ) -> None:
        result = with_profiles(project, profiles)

        assert result.services.keys() == enabled
        assert result.all_services.keys() == project.all_services.keys()
        assert result.profiles == tuple(profiles)

    def test_of_the_request(self, workspace: Workspace) -> None:
        result = workspace.project(STACK, profiles=("tools",))

        assert "shell" in result.services

    def test_are_active_for_a_named_service(self, project: Project) -> None:
        result = with_named_enabled(project, ["debug"])

        assert {"debug", "shell"} <= result.services.keys()
        assert result.profiles == ("tools", "all")


class TestNames:
    def test_bring_what_they_depend_on(self, project: Project) -> None:
        result = with_selected(project, ["api"])

        assert result.services.keys() == {"api", "db"}
        assert "web" in result.disabled_services

    def test_none_are_all(self, project: Project) -> None:
        assert with_selected(project, []) is project

    def test_of_nothing(self, project: Project) -> None:
        for select in (with_selected, with_named_enabled):
            with pytest.raises(SelectionError, match="no such service: wbe"):
                select(project, ["wbe"])

    def test_need_their_dependencies_enabled(self, workspace: Workspace) -> None:
        project = workspace.project(
            """\
            services:
              a: {image: a, profiles: [x], depends_on: [b]}
              b: {image: b, profiles: [y]}
            """
        )

        with pytest.raises(SelectionError, match="b is not enabled, and a needs it"):
            with_selected(with_named_enabled(project, ["a"]), ["a"])


def test_resources_nobody_uses_can_be_left_out(project: Project) -> None:
    used = without_unused(project)

    assert used.networks.keys() == {"back", "default"}
    assert used.volumes.keys() == {"data"}
    assert used.secrets.keys() == {"key"}
    assert used.configs.keys() == set()
