"""The doorbell: nobody waits long for a broker that does not answer, and it is heard again when it does."""

import signal
import socket
import time

import pytest
from celery import current_app
from django.db import connection
from kombu.exceptions import OperationalError

from config import environment
from config.celery import App
from executions import bell, queue
from tests.cast import make_workflow
from tests.servers import Valkey
from wire.ids import new_id


@pytest.fixture
def at(settings):
    """From now on the bells ring there: `at(url)`."""
    usual, apps = current_app._get_current_object(), []

    def there(url: str) -> None:
        settings.RINGING_OPTIONS = environment.ringing_options(url)
        app = App("bells", set_as_current=False)
        app.config_from_object("django.conf:settings", namespace="CELERY")
        app.conf.broker_url, app.conf.broker_transport_options = url, environment.transport_options(url)
        app.set_current()
        apps.append(app)

    yield there
    usual.set_current()
    for app in apps:
        app.pool.force_close_all()
        app.close()


@pytest.fixture
def broker():
    broker = Valkey()
    broker.start()
    yield broker
    broker.stop(signal.SIGKILL)


@pytest.fixture
def mute():
    """The port of a listener that answers nothing: a partition, or a machine that is stuck."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        yield listener.getsockname()[1]


def seconds(act, *arguments) -> float:
    began = time.monotonic()
    act(*arguments)
    return time.monotonic() - began


def test_a_broker_that_freezes_is_waited_for_once_and_heard_again(at, broker, monkeypatch):
    monkeypatch.setattr(bell, "SILENCE", 3.0)
    at(broker.url)
    assert bell.ring(new_id()) and bell.ring(new_id())
    broker.process.send_signal(signal.SIGSTOP)
    assert 0.5 < seconds(bell.ring, new_id()) < 5
    assert seconds(lambda: [bell.ring(new_id()) for _ in range(100)]) < 0.5
    broker.process.send_signal(signal.SIGCONT)
    until = time.monotonic() + 20
    while not bell.ring(new_id()):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert bell.waiting() >= 3


def test_while_one_tries_again_nobody_else_does(at, broker, monkeypatch):
    monkeypatch.setattr(bell, "SILENCE", 0.2)
    at("redis://127.0.0.1:1")
    assert not bell.ring(new_id())
    time.sleep(0.3)
    assert [bell._may_ring(), bell._may_ring()] == [True, False]


@pytest.mark.parametrize("protocol", ["redis", "amqp"])
def test_a_broker_that_says_nothing_at_all_is_not_waited_for_long(at, mute, protocol):
    at(f"{protocol}://127.0.0.1:{mute}")
    assert seconds(bell.ring, new_id()) < 4
    assert bell.ring(new_id()) is False
    began = time.monotonic()
    with pytest.raises(OperationalError):
        bell.waiting()
    assert time.monotonic() - began < 4


def test_many_are_rung_for_with_a_few_bells(at, broker):
    at(broker.url)
    bell.ring_for([new_id() for _ in range(1000)])
    assert bell.waiting() == 20


def test_behind_a_bell_that_was_not_heard_none_is_rung(at, mute):
    at(f"redis://127.0.0.1:{mute}")
    assert seconds(bell.ring_for, [new_id() for _ in range(1000)]) < 4


@pytest.mark.django_db(transaction=True)
def test_a_batch_is_accepted_as_soon_with_a_broker_that_says_nothing(at, mute):
    workflow = make_workflow()
    at(f"redis://127.0.0.1:{mute}")
    inputs = [{"message": f"A refund, number {n}"} for n in range(50)]
    batch = (workflow.live.version, workflow.live, inputs)
    assert seconds(lambda: queue.submit_batch(*batch, actor="alice")) < 5
    assert seconds(lambda: queue.submit_batch(*batch, actor="alice")) < 1
    connection.close()
