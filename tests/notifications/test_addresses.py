"""No address of ours, of our network or of its metadata service is connected to: judged when it is saved, and each time again
where it leads then."""

import asyncio
import ipaddress
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import suppress

import pytest

from gateway.event_loop import event_loop, wait_for
from notifications import posting
from notifications.addresses import fault_of_name, fault_of_url, is_allowed, look_up
from tests.receiver import Answer, Receiver
from wire.addresses import private_network

OURS = [
    *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
    *("192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.0.192", "168.63.129.16"),
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:169.254.169.254", "::ffff:10.0.0.1"),
    *(
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:a9fe:a9fe::1",
        "2001:0:a9fe::1",
        "::7f00:1",
        "::127.0.0.1",
        "2001:db8::1",
        "3fff::1",
    ),
]


@pytest.fixture(autouse=True)
def nothing_is_allowed(settings):
    settings.WEBHOOK_NETWORKS = []


@pytest.mark.parametrize("address", OURS)
def test_an_address_that_is_not_of_the_internet_is_refused(address):
    assert not is_allowed(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    assert fault_of_url(f"https://{host}/hooks")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_an_address_of_the_internet_is_not(address):
    assert is_allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "Write an address"),
        ("hooks.example.com", "Write an address"),
        ("ftp://hooks.example.com", "Write an address"),
        ("https://", "Write an address"),
        ("https://hooks.example.com:99999/", "Write an address"),
        ("https://hooks.example.com:0/", "Write an address"),
        ("https://hooks.example.com/a b", "Write an address"),
        ("https://hooks.exämple.com/", "Write an address"),
        ("https://hooks.example.com/\r\nX: y", "Write an address"),
        ("https://[::1", "Write an address"),
        ("https://alice:pw@hooks.example.com/", "without a user"),
        ("https://alice@hooks.example.com/", "without a user"),
        ("https://hooks.example.com/#x", "without a fragment"),
        ("https://hooks.example.com\\@127.0.0.1/", "without a user"),
        ("https://2130706433/", "four numbers"),
        ("https://0x7f.1/", "four numbers"),
        ("https://127.1/", "four numbers"),
        ("http://hooks.example.com/", "https://…"),
        ("http://localhost:9000/", "https://…"),
        ("http://93.184.215.14/", "https://…"),
        ("https://169.254.169.254/latest/meta-data/", "private network"),
        ("https://hooks.example.com/?key=sk-ant-" + "api03-Ab3dEf6hIj9lMn2pQr5t", "looks like a secret"),
    ],
)
def test_an_address_that_cannot_be_is_refused_with_a_sentence(url, said):
    assert said in fault_of_url(url)


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com", "https://Hooks.example.com:8443/a/b?c=d", "https://93.184.215.14/"]
)
def test_an_address_that_can_be_is_not(url):
    assert fault_of_url(url) == ""


def test_what_the_operator_lists_is_allowed_and_plain_http_on_this_machine_only(settings):
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("10.1.0.0/16")]
    allowed = ["http://127.0.0.1:9000/", "http://localhost:9000/", "https://10.1.2.3/"]
    assert [fault_of_url(url) for url in allowed] == ["", "", ""]
    assert [bool(fault_of_url(url)) for url in ("http://10.1.2.3/", "https://10.2.0.1/", "http://[::1]/")] == [True] * 3


@pytest.mark.parametrize(
    ("network", "fits"),
    [
        ("10.1.0.0/16", True),
        ("127.0.0.0/8", True),
        ("::1", True),
        ("fd00::/8", True),
        ("0.0.0.0/0", False),
        ("::/0", False),
        ("169.254.169.254", False),
        ("8.8.8.0/24", False),
        ("10.1.0.1/16", False),
        ("localhost", False),
    ],
)
def test_only_a_network_of_ones_own_can_be_listed(network, fits):
    assert (private_network(network) is not None) is fits


# Where a name leads.


@pytest.fixture
def names(monkeypatch):
    """What the resolver says, in turn; the last one stays."""
    said: dict[str, list[list[str]]] = {}
    asked: list[str] = []
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **kwargs):
        name = host.decode() if isinstance(host, bytes) else host
        if name not in said:
            return real(host, port, *args, **kwargs)
        asked.append(name)
        answers = said[name]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        kinds = {one: socket.AF_INET6 if ":" in one else socket.AF_INET for one in found}
        return [(kinds[one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return said, asked


PUBLIC = "93.184.215.14"


@pytest.mark.parametrize(
    ("found", "refused"),
    [([PUBLIC], False), (["10.0.0.1"], True), ([PUBLIC, "169.254.169.254"], True), (["::1"], True), ([], False)],
)
def test_a_name_is_refused_when_one_of_its_addresses_is_ours(names, found, refused):
    names[0]["hooks.example.com"] = [found]
    assert bool(wait_for(fault_of_name("https://hooks.example.com/"))) is refused


def test_a_name_that_leads_elsewhere_a_moment_later_leads_us_nowhere(names):
    """It is public when it is judged; whoever would ask again is told this machine. (The guard of all tests says where the
    connection went to.)"""
    said, asked = names
    said["rebind.example.com"] = [[PUBLIC], ["127.0.0.1"]]
    with Receiver() as ours, pytest.raises(AssertionError, match=PUBLIC):
        wait_for(posting.post(f"https://rebind.example.com:{ours.port}/", b"{}", {}))
    assert asked == ["rebind.example.com"]
    assert ours.heard == []


def test_a_name_that_leads_to_us_is_not_connected_to(names):
    names[0]["rebind.example.com"] = [["127.0.0.1"]]
    with Receiver() as ours:
        outcome = wait_for(posting.post(f"https://rebind.example.com:{ours.port}/", b"{}", {}))
        assert ours.heard == []
    assert "private network" in outcome.error


def test_the_address_that_was_judged_is_connected_to_under_its_name(names, settings):
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    with Receiver() as receiver:
        outcome = wait_for(posting.post(f"http://localhost:{receiver.port}/hooks?a=b%20c", b"{}", {}))
    assert (outcome.code, outcome.error) == (200, "")
    (heard,) = receiver.heard
    assert heard.path == "/hooks?a=b%20c"
    assert heard.headers["host"] == f"localhost:{receiver.port}"


def test_what_was_allowed_when_it_was_saved_and_is_no_longer_is_not_connected_to():
    with Receiver() as receiver:
        assert "private network" in wait_for(posting.post(receiver.url, b"{}", {})).error
    assert receiver.heard == []


def test_a_name_that_nobody_answers_for_is_an_outcome_in_time(monkeypatch, names):
    monkeypatch.setattr(posting, "TIMEOUT", 0.3)

    async def hangs(*args: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(posting, "look_up", hangs)
    assert "did not answer" in wait_for(posting.post("https://hooks.example.com/", b"{}", {})).error
    monkeypatch.setattr(posting, "look_up", look_up)
    names[0]["hooks.example.com"] = [[]]
    assert wait_for(posting.post("https://hooks.example.com/", b"{}", {})).error == "Its name leads nowhere."


def test_a_redirect_and_a_proxy_of_the_environment_are_not_followed(monkeypatch, settings):
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    with Receiver() as elsewhere, Receiver(Answer(307, {"Location": elsewhere.url})) as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, elsewhere.url)
        outcome = wait_for(posting.post(receiver.url, b"{}", {}))
        assert (outcome.code, len(receiver.heard), elsewhere.heard) == (307, 1, [])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl here to make a certificate")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path, settings):
    settings.WEBHOOK_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    subprocess.run([*made, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        outcome = wait_for(posting.post(f"https://localhost:{listening.getsockname()[1]}/", b"{}", {}))
        thread.join()
    assert outcome.error == "Its certificate is not valid, or it does not speak TLS."
    assert event_loop().is_running()
