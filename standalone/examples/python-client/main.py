"""Reads a person's workouts with the package that openapi-python-client makes of
/openapi.json. It needs URL, KEY and USER_ID, and prints what it found as JSON."""

import json
import os

from stridelog_client import AuthenticatedClient
from stridelog_client.api.connections import list_connections
from stridelog_client.api.users import create_user, delete_user
from stridelog_client.api.workouts import get_workout, list_workouts
from stridelog_client.models import Problem, UserCreate
from stridelog_client.types import UNSET

api = AuthenticatedClient(base_url=os.environ["URL"], token=os.environ["KEY"], raise_on_unexpected_status=True)
user_id = os.environ["USER_ID"]


def need(answer):
    """The answer; a problem is raised with what it says."""
    if isinstance(answer, Problem):
        raise RuntimeError(f"{answer.code}: {answer.detail}")
    return answer


def workouts():
    cursor = UNSET
    while cursor is not None:
        page = need(list_workouts.sync(user_id, client=api, limit=20, cursor=cursor))
        yield from page.data
        cursor = page.pagination.next_cursor


found = list(workouts())
full = need(get_workout.sync(found[0].id, client=api))
connections = need(list_connections.sync(user_id, client=api))

body = UserCreate(external_user_id="made by a generated client")
made = need(create_user.sync(client=api, body=body))
again = create_user.sync(client=api, body=body)
erasure = need(delete_user.sync(str(made.id), client=api))

print(
    json.dumps(
        {
            "workouts": [str(w.id) for w in found],
            "seconds": sum(w.duration_seconds for w in found),
            "full": str(full.id),
            "statuses": [str(c.status) for c in connections],
            "refused": str(again.code),
            "erasure": str(erasure.state),
        }
    )
)
