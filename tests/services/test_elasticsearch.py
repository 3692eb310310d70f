"""The search node tests stand on is real: it finds, and refuses what its mapping forbids."""

from __future__ import annotations

import elasticsearch as client
import pytest

MAPPING = {
    "dynamic": "strict",
    "properties": {"message": {"type": "text"}, "count": {"type": "long"}},
}


@pytest.fixture
def search(elasticsearch):
    with client.Elasticsearch(elasticsearch.urls) as connected:
        yield connected


def test_a_document_is_found_by_its_words(search, own_prefix):
    search.indices.create(index=own_prefix, mappings=MAPPING)
    search.index(index=own_prefix, id="1", document={"message": "登录 失败"}, refresh=True)
    found = search.search(index=own_prefix, query={"match_phrase": {"message": "失败"}})
    assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1"]
    search.indices.delete(index=own_prefix)


def test_a_field_outside_of_a_strict_mapping_is_refused(search, own_prefix):
    search.indices.create(index=own_prefix, mappings=MAPPING)
    with pytest.raises(client.BadRequestError):
        search.index(index=own_prefix, document={"surprise": 1})
    search.indices.delete(index=own_prefix)


def test_a_killed_node_comes_back_with_its_data(elasticsearch, search, own_prefix):
    search.indices.create(index=own_prefix, mappings=MAPPING)
    search.index(index=own_prefix, id="1", document={"count": 7})
    elasticsearch.kill(1)
    with pytest.raises(client.ConnectionError):
        search.options(max_retries=0).get(index=own_prefix, id="1")
    elasticsearch.restart(1)
    search.cluster.health(index=own_prefix, wait_for_status="yellow")
    assert search.get(index=own_prefix, id="1")["_source"] == {"count": 7}
    search.indices.delete(index=own_prefix)
