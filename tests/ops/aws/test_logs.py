from typing import Any

import pytest

from ops.aws.logs import STREAMS, CloudWatchLogs
from ops.aws.session import AwsError
from ops.ports import Stream
from tests.ops.aws.stubbed import refuse, stubbed

GROUP = "/ecs/ops-pipeline/lab/dispatcher-large"
FIRST = Stream(GROUP, "dispatcher-large/dispatcher/aaaa")
SECOND = Stream(GROUP, "dispatcher-large/dispatcher/bbbb")


def asked(*streams: Stream, **more: Any) -> dict[str, Any]:
    return {"logGroupName": GROUP, "logStreamNames": [each.name for each in streams], "startTime": 1000, **more}


def event(stream: Stream, at: int, text: str, *, ingested: int = 9000, identity: str = "") -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "timestamp": at,
        "ingestionTime": ingested,
        "message": text,
        "eventId": identity or f"{stream.task}-{at}-{text}",
    }


def test_a_stream_knows_its_task() -> None:
    assert FIRST.task == "aaaa"


def test_lines_of_several_tasks_come_in_order_from_all_pages_an_empty_one_included() -> None:
    pages = [
        ({"events": [event(SECOND, 3000, "third\n")], "nextToken": "b"}, asked(FIRST, SECOND)),
        ({"events": [], "nextToken": "c"}, asked(FIRST, SECOND, nextToken="b")),
        (
            {"events": [event(FIRST, 2000, "second", ingested=8001), event(SECOND, 2000, "first", ingested=8000)]},
            asked(FIRST, SECOND, nextToken="c"),
        ),
    ]
    with stubbed("logs") as (aws, stub):
        for answer, request in pages:
            stub.add_response("filter_log_events", answer, request)

        lines = CloudWatchLogs(aws).read([SECOND, FIRST], since=1000)

    assert [(line.at, line.stream, line.text) for line in lines] == [
        (2000, SECOND, "first"),
        (2000, FIRST, "second"),
        (3000, SECOND, "third"),
    ]


def test_the_end_is_left_out() -> None:
    with stubbed("logs") as (aws, stub):
        stub.add_response("filter_log_events", {"events": []}, asked(FIRST, endTime=4999))

        assert CloudWatchLogs(aws).read([FIRST], since=1000, until=5000) == []


def test_a_stream_that_is_not_there_yet_has_no_lines_and_hides_none_of_the_others() -> None:
    with stubbed("logs") as (aws, stub):
        refuse(stub, "filter_log_events", "ResourceNotFoundException", asked=asked(FIRST, SECOND))
        stub.add_response("filter_log_events", {"events": [event(FIRST, 2000, "here")]}, asked(FIRST))
        refuse(stub, "filter_log_events", "ResourceNotFoundException", asked=asked(SECOND))

        assert [line.text for line in CloudWatchLogs(aws).read([FIRST, SECOND], since=1000)] == ["here"]


def test_no_streams_ask_nothing() -> None:
    with stubbed("logs") as (aws, _):
        assert CloudWatchLogs(aws).read([], since=1000) == []


def test_more_streams_than_a_request_may_name_are_asked_for_in_turn() -> None:
    streams = [Stream(GROUP, f"dispatcher-large/dispatcher/{number:04}") for number in range(STREAMS + 1)]
    with stubbed("logs") as (aws, stub):
        stub.add_response("filter_log_events", {"events": []}, asked(*streams[:STREAMS]))
        stub.add_response("filter_log_events", {"events": []}, asked(*streams[STREAMS:]))

        assert CloudWatchLogs(aws).read(streams, since=1000) == []


def test_another_refusal_is_told() -> None:
    with stubbed("logs") as (aws, stub):
        refuse(stub, "filter_log_events", "AccessDeniedException")
        with pytest.raises(AwsError):
            CloudWatchLogs(aws).read([FIRST], since=1000)


def test_the_last_lines_are_looked_for_backwards_until_there_are_enough() -> None:
    request = {"logGroupName": GROUP, "logStreamName": FIRST.name, "limit": 3, "startFromHead": False}
    with stubbed("logs") as (aws, stub):
        pages = [("b/1", [], {}), ("b/2", ["c", "d"], {"nextToken": "b/1"}), ("b/3", ["a", "b"], {"nextToken": "b/2"})]
        for token, texts, more in pages:
            events = [{"timestamp": 1, "ingestionTime": 1, "message": text} for text in texts]
            stub.add_response("get_log_events", {"events": events, "nextBackwardToken": token}, {**request, **more})

        assert CloudWatchLogs(aws).last_lines(GROUP, FIRST.name, 3) == ("b", "c", "d")


def test_the_beginning_of_a_stream_repeats_its_token() -> None:
    with stubbed("logs") as (aws, stub):
        events = [{"timestamp": 1, "ingestionTime": 1, "message": "only\n"}]
        stub.add_response("get_log_events", {"events": events, "nextBackwardToken": "b/1"})
        stub.add_response("get_log_events", {"events": [], "nextBackwardToken": "b/1"})

        assert CloudWatchLogs(aws).last_lines(GROUP, FIRST.name, 3) == ("only",)


def test_a_stream_that_never_was_has_no_last_lines() -> None:
    with stubbed("logs") as (aws, stub):
        refuse(stub, "get_log_events", "ResourceNotFoundException")

        assert CloudWatchLogs(aws).last_lines(GROUP, FIRST.name, 3) == ()
