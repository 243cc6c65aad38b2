"""Exceptions."""

from __future__ import annotations

import pickle

import pulsar_rs
from pulsar_rs import PulsarError
from pulsar_rs._native import ffi


def test_there_is_an_exception_for_each_result() -> None:
    names = {name.removeprefix("pulsar_result_") for name in ffi.typeof("pulsar_result").elements.values()}
    assert names >= {"Ok", "Timeout", "AlreadyClosed", "TopicNotFound"}
    for name in names - {"Ok"}:
        assert issubclass(getattr(pulsar_rs, name), PulsarError)
    assert not hasattr(pulsar_rs, "Ok")


def test_exceptions_can_be_pickled() -> None:
    error = pulsar_rs.Timeout(3, "too late")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.result, str(again)) == (pulsar_rs.Timeout, 3, "TimeOut: too late")
