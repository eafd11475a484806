"""The HTTP interface: Neon's subset and ours, over real sockets."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from branchpg.errors import BadRequest, BranchpgError, NotFound, TryLater
from branchpg.http.client import Address, HttpClient
from branchpg.lsn import SEGMENT, Lsn, Segment
from branchpg.store.durable import sync_directory

TENANT, TIMELINE = "a" * 32, "b" * 32
PATH = f"/v1/tenant/{TENANT}/timeline/{TIMELINE}"


@pytest.fixture
def followed(stage, keeper):
    primary = stage.primary(wal_keep_size="16MB")
    stage.follow(primary, [keeper], 1)
    return primary


def request(keeper, method, path, content=None, **headers):
    connection = http.client.HTTPConnection("127.0.0.1", keeper.http_port, timeout=20)
    data = None if content is None else json.dumps(content)
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    return response, answer


def test_status_and_metrics(keeper, followed):
    assert keeper.client.get("/v1/status", dict) == {"id": 1}
    assert keeper.client.get("/v1/utilization", dict) == {"timeline_count": 1}
    text = keeper.client.raw("GET", "/metrics").decode()
    label = f'{{tenant_id="{TENANT}",timeline_id="{TIMELINE}"}}'
    assert f"safekeeper_acceptor_term{label} 1.0" in text
    assert f"safekeeper_timeline_active{label} 1.0" in text
    assert "safekeeper_written_wal_bytes_total" in text
    dump = keeper.client.get("/v1/debug_dump", dict)
    assert dump["timelines"][0]["control_file"]["generation"] == 1


def test_a_timeline_is_made_listed_and_deleted(stage, keeper):
    wanted = {"tenant_id": TENANT, "timeline_id": TIMELINE, "start_lsn": "0/16B5A50"}
    wanted |= {"pg_version": 170010, "mconf": {"generation": 0, "members": []}}

    made = keeper.client.send("POST", "/v1/tenant/timeline", wanted, dict)

    assert made["timeline_start_lsn"] == "0/16B5A50"
    assert made["pg_info"]["pg_version"] == 170010
    listed = keeper.client.get("/v1/tenant/timeline", list)
    assert listed == [{"tenant_id": TENANT, "timeline_id": TIMELINE}]
    for existed in (True, False):
        gone = json.loads(keeper.client.raw("DELETE", PATH))
        assert gone == {"dir_existed": existed}
    with pytest.raises(NotFound, match=f"Timeline {TENANT}/{TIMELINE} was not found"):
        keeper.status()


def test_a_tenant_is_deleted(keeper, followed):
    gone = json.loads(keeper.client.raw("DELETE", f"/v1/tenant/{TENANT}"))

    assert gone == {TIMELINE: {"dir_existed": True}}
    assert not Path(keeper.directory, TENANT, TIMELINE).exists()
    keeper.kill()
    keeper.start()
    assert keeper.client.get("/v1/tenant/timeline", list) == []


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/v1/tenant/x/timeline/y", None, 400),
        ("GET", PATH, None, 404),
        ("GET", "/v1/nothing", None, 404),
        ("PUT", "/v1/status", None, 405),
        ("POST", f"{PATH}/fence", None, 400),
        ("POST", f"{PATH}/fence", {"generation": 0, "start_lsn": "0/1"}, 400),
        ("POST", f"{PATH}/fence", {"generation": 1, "start_lsn": "zero"}, 400),
        ("POST", f"{PATH}/fence", {"generation": "1", "start_lsn": "0/1"}, 400),
        ("POST", f"{PATH}/receive", {"generation": 1}, 400),
        ("POST", f"{PATH}/wait", {"lsn": "0/1"}, 404),
        ("GET", f"{PATH}/wal/000000010000000000000001", None, 404),
        ("POST", "/v1/pull_timeline", {"tenant_id": TENANT}, 400),
    ],
)
def test_an_error_says_what_is_wrong(keeper, method, path, content, status):
    response, answer = request(keeper, method, path, content)

    assert response.status == status
    assert json.loads(answer)["msg"]


def test_wait_answers_when_wal_is_here(keeper, followed):
    ahead = Lsn(followed.lsn() + 1000)
    response, answer = request(
        keeper, "POST", f"{PATH}/wait", {"lsn": str(ahead), "timeout": 0.05}
    )
    assert response.status == 408
    assert "not" in json.loads(answer)["msg"]

    found = []
    waiting = threading.Thread(target=lambda: found.append(keeper.wait(ahead)))
    waiting.start()
    followed.sql("create table t as select generate_series(1, 1000) as x")
    waiting.join(20)

    assert Lsn.parse(found[0]["flush_lsn"]) >= ahead


def test_a_segment_is_served_up_to_the_flush_position(keeper, followed):
    followed.sql("create table t as select generate_series(1, 1000) as x")
    name = keeper.segments()[0].name
    response, content = request(keeper, "GET", f"{PATH}/wal/{name}")

    flush = Lsn.parse(response.headers["x-flush-lsn"])
    used = flush - Segment.of_name(name).start
    on_disk = keeper.segments()[0].read_bytes()
    assert (response.status, len(content)) == (200, SEGMENT)
    assert content[:used] == on_disk[:used]
    assert not any(content[used:])

    response, part = request(
        keeper, "GET", f"{PATH}/wal/{name}", Range=f"bytes=8192-{used - 1}"
    )
    assert response.status == 206
    assert response.headers["content-range"] == f"bytes 8192-{used - 1}/{SEGMENT}"
    assert part == on_disk[8192:used]
    response, _ = request(keeper, "GET", f"{PATH}/wal/{name}", Range="bytes=99999999-")
    assert response.status == 416
    following = Segment.of_name(name).next().name
    assert request(keeper, "GET", f"{PATH}/wal/{following}")[0].status == 404
    assert request(keeper, "GET", f"{PATH}/wal/..%2fstate.json")[0].status in {400, 404}


def test_a_digest_is_of_the_bytes(stage, keeper, followed):
    end = keeper.flush_lsn()
    segment = Segment.at(stage.start_lsn)
    data = keeper.segments()[0].read_bytes()
    wanted = hashlib.sha256(data[stage.start_lsn % SEGMENT : end - segment.start])
    path = f"{PATH}/digest?from_lsn={stage.start_lsn}"

    assert keeper.client.get(f"{path}&until_lsn={end}", dict) == {
        "sha256": wanted.hexdigest()
    }
    with pytest.raises(BadRequest, match="WAL is here from"):
        keeper.client.get(f"{path}&until_lsn=7/0", dict)


def test_wal_that_is_elsewhere_is_removed(stage, keeper, followed):
    followed.fill(4)
    keeper.wait(followed.lsn())
    before = [path.name for path in keeper.segments()]

    keeper.forget(Lsn(2 * SEGMENT + 5))
    assert [path.name for path in keeper.segments()] == before[1:]
    keeper.forget(Lsn(1 << 40))  # never what is not here yet, nor the last two

    left = [path.name for path in keeper.segments()]
    flush = Segment.at(keeper.flush_lsn())
    assert left[0] == Segment(flush.number - 1).name
    assert keeper.status()["local_start_lsn"] == str(Segment(flush.number - 1).start)
    assert request(keeper, "GET", f"{PATH}/wal/{before[0]}")[0].status == 404
    keeper.kill()
    keeper.start()
    assert keeper.flush_lsn() >= flush.start


def test_a_segment_that_is_removed_while_it_is_read_is_read_to_its_end(
    stage, keeper, followed
):
    """The pageserver takes whole segments over while others still read them here."""
    followed.fill(4)
    keeper.wait(followed.lsn())
    first = keeper.segments()[0]
    data = first.read_bytes()
    where = f"/v1/tenant/{TENANT}/timeline/{TIMELINE}/wal/{first.name}"
    connection = http.client.HTTPConnection("127.0.0.1", keeper.http_port, timeout=20)
    connection.request("GET", where)
    response = connection.getresponse()  # more than sockets hold is still to come
    begun = response.read(1)

    keeper.forget(Lsn(1 << 40))

    assert not first.exists()
    assert begun + response.read() == data
    connection.close()


def test_a_slot_keeps_wal(stage, keeper, followed):
    import psycopg2
    from psycopg2.extras import PhysicalReplicationConnection

    connection = psycopg2.connect(
        keeper.libpq(), connection_factory=PhysicalReplicationConnection
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE_REPLICATION_SLOT kept PHYSICAL RESERVE_WAL")
    connection.close()
    followed.fill(4)
    keeper.wait(followed.lsn())
    before = keeper.segments()

    keeper.forget(Lsn(1 << 40))

    assert keeper.segments() == before


def test_a_copy_is_a_timeline_of_its_own(stage, keeper, followed):
    followed.sql("create table t as select 1 as x")
    until = keeper.flush_lsn()
    followed.sql("insert into t values (2)")
    content = {"target_timeline_id": "c" * 32, "until_lsn": str(until)}

    made = keeper.post("copy", **content)

    assert made["flush_lsn"] == str(until)
    assert made["timeline_start_lsn"] == str(stage.start_lsn)
    with pytest.raises(BranchpgError, match="exists already"):
        keeper.post("copy", **content)
    with pytest.raises(BadRequest, match="is not in the WAL"):
        keeper.post("copy", target_timeline_id="d" * 32, until_lsn="7/0")


def test_a_lost_safekeeper_fetches_from_the_furthest_peer(stage):
    keepers = [stage.keeper() for _ in range(3)]
    primary = stage.primary()
    stage.follow(primary, keepers, 2)
    primary.fill(2)
    primary.sql("insert into t values (2)")
    lost = keepers[2]
    lost.kill()
    shutil.rmtree(lost.directory)
    lost.start()
    wanted = {"tenant_id": TENANT, "timeline_id": TIMELINE}
    hosts = [f"http://127.0.0.1:{keeper.http_port}" for keeper in keepers[:2]]

    lost.client.send("POST", "/v1/pull_timeline", wanted | {"http_hosts": hosts}, dict)

    assert lost.flush_lsn() >= Lsn.parse(keepers[0].status()["timeline_start_lsn"])
    history = [(1, stage.start_lsn)]
    with pytest.raises(BranchpgError, match="fence it first"):
        lost.receive(primary, 1, history, stage.start_lsn)
    lost.fence(1, stage.start_lsn)
    lost.receive(primary, 1, history, stage.start_lsn)
    end = primary.lsn()
    lost.wait(end)
    recovered = stage.recovered(lost, end)
    assert recovered.value("select count(*) from t") == 3


def test_all_peers_must_answer(stage, keeper):
    nobody = stage.keeper()
    nobody.kill()
    hosts = [f"127.0.0.1:{nobody.http_port}"]
    wanted = {"tenant_id": TENANT, "timeline_id": TIMELINE, "http_hosts": hosts}

    with pytest.raises(TryLater, match="no answer"):
        keeper.client.send("POST", "/v1/pull_timeline", wanted, dict)


def test_a_token_is_asked_for(stage):
    file = stage.directory / "token"
    file.write_text("secret\n")
    keeper = stage.keeper("--token-file", str(file))

    assert keeper.client.get("/v1/status", dict) == {"id": 1}
    with pytest.raises(BranchpgError, match="bearer token"):
        keeper.client.get("/v1/tenant/timeline", list)
    allowed = HttpClient(Address("127.0.0.1", keeper.http_port), token="secret")
    assert allowed.get("/v1/tenant/timeline", list) == []
    assert "secret" not in Path(keeper.log).read_text()


def safekeeper(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "branchpg.safekeeper", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_directory_has_one_safekeeper(keeper):
    ports = ("--listen-pg", "127.0.0.1:0", "--listen-http", "127.0.0.1:0")
    second = safekeeper("-D", keeper.directory, *ports)

    assert second.returncode == 1
    assert "in use" in second.stderr


def test_init_gives_the_directory_its_number(tmp_path):
    place = str(tmp_path / "s")
    made = safekeeper("--workdir", place, "--id", "7", "--init")
    assert (made.returncode, "safekeeper 7" in made.stdout) == (0, True)

    other = safekeeper("-D", place, "--id", "8")

    assert other.returncode == 1
    assert "safekeeper 7, not 8" in other.stderr


def test_flags_of_neon_are_taken_and_said_once(stage):
    keeper = stage.keeper("--broker-endpoint=http://b:50051", "--remote-storage={}")

    log = Path(keeper.log).read_text()
    assert log.count("without meaning here: --broker-endpoint, --remote-storage") == 1


def test_what_cannot_be_read_is_said_and_left_alone(stage, keeper):
    keeper.fence(1, stage.start_lsn)
    keeper.kill()
    state = Path(keeper.directory, TENANT, TIMELINE, "state.json")
    state.write_text("{")
    sync_directory(str(state.parent))
    keeper.start()

    with pytest.raises(BranchpgError, match="cannot be used"):
        keeper.fence(2, stage.start_lsn)
    assert "cannot read" in Path(keeper.log).read_text()
    assert state.read_text() == "{"
