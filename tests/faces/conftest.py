"""What the tests of the console stand on."""

import pytest


@pytest.fixture
def staffed(project):
    """The project, with one of the staff for each role."""
    from console_visits import admit_all

    admit_all(project)
    return project


@pytest.fixture
def app(staffed):
    """The application of a project with staff."""
    from troth.faces.portal.application import application

    return application(staffed)
