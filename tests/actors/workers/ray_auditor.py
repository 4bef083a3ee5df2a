"""A second driver of a running Ray: prints how often Ray would start its actors and their calls again.

`python -m tests.actors.workers.ray_auditor ADDRESS` prints one JSON object: `restarts`, by process id of the
living actors, from the table of Ray's head; `retries`, as a living worker of ours knows it of itself.
"""

import json
import sys
from typing import Any

import ray as typed_ray
from ray._private.state import state
from ray.core.generated import gcs_pb2

from actors.workers.ray_driver import RemoteWorker, needs_of

ray: Any = typed_ray
pb: Any = gcs_pb2


def restarts() -> dict[int, int]:
    """Return the `max_restarts` of every living actor, by process id."""
    accessor: Any = state._connect_and_get_accessor()
    table = [pb.ActorTableData.FromString(row) for row in accessor.get_actor_table(None, None)]
    return {row.pid: row.max_restarts for row in table if row.state == pb.ActorTableData.ALIVE}


def retries() -> int:
    """Start a worker as our driver does, and return the `max_task_retries` that it was started with."""
    actor = RemoteWorker.options(**needs_of({})).remote()
    return int(ray.get(actor.__ray_call__.remote(_own_retries)))


def _own_retries(_: object) -> int:
    return int(ray.get_runtime_context().current_actor._ray_max_task_retries)


if __name__ == "__main__":
    ray.init(sys.argv[1], log_to_driver=False)
    sys.stdout.write(json.dumps({"restarts": restarts(), "retries": retries()}) + "\n")
