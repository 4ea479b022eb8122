"""Certificates: which one a client gets, and what happens when the files change."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plait.server import HTTP2Server
from plait.server.certificate_names import dns_names, first_certificate, validity
from plait.server.certificates import CertificateFileError, Certificates, load_pair
from plait.server.devcert import make_dev_certificate
from tests.server.rawclient import LOCAL, LOOPS, client_of, eventually, recorder, run
from tests.support.certs import TLSFiles, make_client_certificate, self_signed

TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def made(folder: Path, *names: str, common_name: str = "plait") -> TLSFiles:
    """A certificate for some names."""
    folder.mkdir(exist_ok=True)
    wanted = [x509.SubjectAlternativeName([x509.DNSName(name) for name in names])] if names else []
    return self_signed(folder, common_name, *wanted)


def serial(files: TLSFiles) -> int:
    return x509.load_pem_x509_certificate(files.cert.read_bytes()).serial_number


def anybody(*alpn: str) -> ssl.SSLContext:
    """A client's context that accepts every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Talk:
    """A handshake in memory: no sockets, no loop.

    :ivar presented: the serial number of the server's certificate.
    """

    def __init__(
        self,
        server: ssl.SSLContext,
        name: str | None = None,
        client: ssl.SSLContext | None = None,
        session: ssl.SSLSession | None = None,
    ) -> None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = client or anybody()
        self.client = context.wrap_bio(to_client, to_server, server_hostname=name, session=session)
        self.server = server.wrap_bio(to_server, to_client, server_side=True)
        left = [self.client, self.server]
        while left:
            for end in list(left):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                left.remove(end)
        # in TLS 1.3 the tickets, or the refusal of a client's certificate, come after it
        self.server.write(b"x")
        self.client.read(1)
        der = self.client.getpeercert(binary_form=True)
        assert der is not None
        self.presented = x509.load_der_x509_certificate(der).serial_number


@pytest.fixture
def several(tmp_path: Path) -> list[TLSFiles]:
    return [
        made(tmp_path / "one", "one.example", "www.one.example"),
        made(tmp_path / "two", "two.example", "*.two.example", "deep.one.example"),
        made(tmp_path / "three", "*.two.example", "THREE.example"),
    ]


def pairs(files: list[TLSFiles]) -> list[tuple[Path, Path]]:
    return [(each.cert, each.key) for each in files]


@pytest.mark.parametrize("version", [TLS12, TLS13])
@pytest.mark.parametrize(
    ("name", "which"),
    [
        (None, 0),
        ("one.example", 0),
        ("two.example", 1),
        ("TWO.example", 1),
        ("two.example.", 1),
        ("a.two.example", 1),
        ("a.b.two.example", 0),  # a wildcard is for one label
        ("deep.one.example", 1),
        ("three.example", 2),
        ("nobody.example", 0),
        ("two", 0),
    ],
)
def test_the_name_chooses_the_certificate(
    several: list[TLSFiles], name: str | None, which: int, version: ssl.TLSVersion
) -> None:
    certificates = Certificates(pairs(several))
    client = anybody()
    client.maximum_version = version
    talk = Talk(certificates.context, name, client)
    assert talk.presented == serial(several[which])
    shown = talk.server.context.certificate_pem  # type: ignore[attr-defined]
    assert shown.split() == several[which].cert.read_text().split()
    assert talk.client.version() == version.name.replace("_", ".")
    assert list(certificates.names) == [
        "one.example", "www.one.example", "two.example", "*.two.example", "deep.one.example",
        "three.example",
    ]  # fmt: skip


def test_what_the_server_offers_by_alpn_goes_for_all(several: list[TLSFiles]) -> None:
    certificates = Certificates(pairs(several))
    for offer, agreed in ((["h2"], None), (["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
        certificates.context.set_alpn_protocols(offer)
        for name in (None, "two.example"):
            client = anybody("http/1.1")
            assert (
                Talk(certificates.context, name, client).server.selected_alpn_protocol() == agreed
            )
        assert certificates.reload()


def test_old_versions_and_prohibited_ciphers_are_refused(several: list[TLSFiles]) -> None:
    context = Certificates(pairs(several)).context
    old = anybody()
    old.set_ciphers("ECDHE-ECDSA-AES128-SHA")
    old.maximum_version = TLS12
    with pytest.raises(ssl.SSLError, match=r"(?i)no.shared.cipher"):
        Talk(context, "two.example", old)
    assert context.minimum_version == TLS12


def test_names_are_those_that_cryptography_reads(tmp_path: Path) -> None:
    cert, _ = make_dev_certificate(["some.example", "192.0.2.1", "*.more.example"])
    known = x509.load_pem_x509_certificate(cert)
    names = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    expected = [name.lower() for name in names.get_values_for_type(x509.DNSName)]
    assert "some.example" in expected
    assert dns_names(first_certificate(cert.decode())) == expected


def test_the_common_name_counts_only_by_itself(tmp_path: Path) -> None:
    without = made(tmp_path, common_name="Name.example")
    assert dns_names(first_certificate(without.cert.read_text())) == ["name.example"]
    both = made(tmp_path, "other.example", common_name="name.example")
    assert dns_names(first_certificate(both.cert.read_text())) == ["other.example"]


@pytest.mark.parametrize(
    ("age", "says"),
    [(0, None), (3, "has expired on "), (-3, "is not valid before "), (-20_000, "before 2081-")],
)
def test_certificates_whose_time_is_not_now(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, age: int, says: str | None
) -> None:
    files = self_signed(tmp_path, "plait", age=age)
    known = x509.load_pem_x509_certificate(files.cert.read_bytes())
    der = first_certificate(files.cert.read_text())
    assert validity(der) == (known.not_valid_before_utc, known.not_valid_after_utc)
    certificates = Certificates([(files.cert, files.key)])
    told = certificates.untimely()
    assert len(told) == (says is not None)
    assert all(says is not None and says in line and str(files.cert) in line for line in told)
    assert certificates.reload()
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert warned == told


def test_no_part_of_a_certificate_is_mistaken_for_one(tls_files: TLSFiles) -> None:
    der = first_certificate(tls_files.cert.read_text())
    for end in (*range(40), len(der) - 1):
        with pytest.raises(ValueError, match="certificate"):
            dns_names(der[:end])
    with pytest.raises(ValueError, match="no certificate in PEM"):
        first_certificate(tls_files.key.read_text())


# --- clients' certificates ----------------------------------------------------------------------


def client_with(files: TLSFiles | None) -> ssl.SSLContext:
    context = anybody()
    if files is not None:
        context.load_cert_chain(files.cert, files.key)
    return context


@pytest.fixture
def somebody(tmp_path: Path) -> TLSFiles:
    (tmp_path / "client").mkdir()
    return make_client_certificate(tmp_path / "client")


@pytest.mark.parametrize("name", [None, "two.example"])
def test_clients_are_asked_for_certificates(
    several: list[TLSFiles], somebody: TLSFiles, name: str
) -> None:
    required = Certificates(pairs(several), client_ca=somebody.cert).context
    optional = Certificates(
        pairs(several), client_ca=somebody.cert, client_certificates="optional"
    ).context
    for context in (required, optional):
        shown = Talk(context, name, client_with(somebody)).server.getpeercert()
        assert shown is not None
        assert (("commonName", "somebody"),) in shown["subject"]
        with pytest.raises(ssl.SSLError):
            Talk(context, name, client_with(several[0]))
    assert Talk(optional, name, client_with(None)).server.getpeercert() is None
    with pytest.raises(ssl.SSLError, match=r"(?i)did.not.return.a.certificate"):
        Talk(required, name, client_with(None))


def test_who_was_taken_from_the_list_is_not_let_in_by_a_ticket(
    several: list[TLSFiles], somebody: TLSFiles
) -> None:
    plain, asking = (
        Certificates(pairs(several)),
        Certificates(pairs(several), client_ca=somebody.cert),
    )
    client = client_with(somebody)
    session = Talk(plain.context, None, client).client.session
    assert session is not None
    assert session.has_ticket
    session = Talk(asking.context, None, client).client.session
    assert session is None or not session.has_ticket
    somebody.cert.write_bytes(several[0].cert.read_bytes())
    assert asking.reload()
    with pytest.raises(ssl.SSLError):
        Talk(asking.context, None, client, session)


def test_a_bundle_of_authorities_may_have_comments(
    several: list[TLSFiles], somebody: TLSFiles
) -> None:
    bundle = [several[0].cert.read_bytes(), somebody.cert.read_bytes()]
    somebody.cert.write_bytes("Gemäß Büchern\n".encode().join([b"", *bundle, b""]))
    context = Certificates(pairs(several), client_ca=somebody.cert).context
    key = TLSFiles(somebody.cert.with_name("alone.pem"), somebody.key)
    key.cert.write_bytes(bundle[1])
    assert Talk(context, None, client_with(key)).server.getpeercert()


# --- reloading ----------------------------------------------------------------------------------


def replace(old: TLSFiles, new: TLSFiles) -> None:
    for there, here in ((old.cert, new.cert), (old.key, new.key)):
        os.replace(here, there)


def test_new_files_take_the_place_of_old_ones(several: list[TLSFiles], tmp_path: Path) -> None:
    certificates = Certificates(pairs(several))
    new = made(tmp_path / "new", "two.example", "new.example")
    expected = serial(new)
    before = Talk(certificates.context, "two.example")
    replace(several[1], new)
    assert Talk(certificates.context, "two.example").presented == before.presented
    assert certificates.reload()
    assert Talk(certificates.context, "two.example").presented == expected
    assert Talk(certificates.context, "new.example").presented == expected
    # a name that is no longer in it
    assert Talk(certificates.context, "deep.one.example").presented == serial(several[0])
    before.server.write(b"still there")
    assert before.client.read(100) == b"still there"


def test_broken_files_change_nothing(
    several: list[TLSFiles], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = Certificates(pairs(several))
    before = [serial(each) for each in several]
    new = made(tmp_path / "new", "one.example")
    other = made(tmp_path / "other", "two.example")
    os.replace(new.cert, several[0].cert)
    os.replace(new.key, several[0].key)
    os.replace(other.cert, several[1].cert)  # without its key
    assert not certificates.reload()
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == (
        "certificates not reloaded, the old ones stay: "
        f"the key in {several[1].key} does not belong to the certificate in {several[1].cert}"
    )
    for name, expected in zip(("one.example", "two.example"), before, strict=False):
        assert Talk(certificates.context, name).presented == expected
    os.replace(other.key, several[1].key)
    assert certificates.reload()


@pytest.mark.parametrize("loop", LOOPS)
def test_files_are_watched_while_connections_go_on(
    loop: str, several: list[TLSFiles], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = Certificates(pairs(several), interval=0.01)
    new = made(tmp_path / "new", "two.example")
    expected = [serial(several[1]), serial(new)]

    async def presented(server: HTTP2Server) -> int:
        _, writer = await asyncio.open_connection(
            *server.addresses[0][:2], ssl=anybody("h2"), server_hostname="two.example"
        )
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        return x509.load_der_x509_certificate(der).serial_number

    async def main() -> None:
        async with (
            HTTP2Server(LOCAL, recorder(), certificates.context) as server,
            client_of(server, tls=anybody("h2")) as client,
        ):
            with certificates:
                assert await presented(server) == expected[0]
                several[2].key.unlink()
                await eventually(lambda: caplog.records)
                assert await presented(server) == expected[0]
                several[2].key.write_bytes(b"")  # told once, however often it is looked at
                replace(several[2], made(tmp_path / "third", "three.example"))
                replace(several[1], new)
                async with asyncio.timeout(10):
                    while await presented(server) != expected[1]:  # noqa: ASYNC110
                        await asyncio.sleep(0.01)
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"

    run(main(), loop)
    assert 1 <= len([each for each in caplog.records if each.levelno == logging.ERROR]) <= 3
    assert f"cannot read the key {several[2].key}: No such file" in caplog.text


def test_a_file_that_stays_broken_is_told_of_once(
    several: list[TLSFiles], caplog: pytest.LogCaptureFixture
) -> None:
    certificates = Certificates(pairs(several), interval=0.001)
    looks = 0
    versions = certificates._versions

    def counted() -> list[object]:
        nonlocal looks
        looks += 1
        return list(versions())

    async def main() -> None:
        certificates._versions = counted  # type: ignore[method-assign,assignment]
        certificates.watch()
        certificates.watch()  # no effect
        several[0].cert.write_text("broken")
        await eventually(lambda: looks > 20)
        certificates.close()

    run(main())
    assert [each.levelno for each in caplog.records] == [logging.ERROR]


# --- what cannot be used ------------------------------------------------------------------------


def complaint(*files: Path | None) -> str:
    with pytest.raises(CertificateFileError) as caught:
        load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), *files)  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_files_that_cannot_be_used(tmp_path: Path, tls_files: TLSFiles) -> None:
    cert, key = tls_files.cert, tls_files.key
    other = made(tmp_path / "other", "other.example")
    secret = tmp_path / "secret.pem"
    loaded = serialization.load_pem_private_key(key.read_bytes(), password=None)
    secret.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    broken = tmp_path / "broken.pem"
    broken.write_bytes(cert.read_bytes()[:200] + b"\n-----END CERTIFICATE-----\n")
    missing = tmp_path / "missing"
    assert complaint(cert) == f"{cert} holds no private key: name the key's file too"
    assert complaint(cert, missing) == f"cannot read the key {missing}: No such file or directory"
    assert complaint(missing, key).startswith(f"cannot read the certificate {missing}: No such")
    assert complaint(cert, tmp_path) == f"cannot read the key {tmp_path}: Is a directory"
    assert complaint(cert, cert) == f"{cert} holds no private key in PEM format"
    assert complaint(key, key) == f"{key} holds no certificate in PEM format"
    assert complaint(cert, other.key).startswith(f"the key in {other.key} does not belong")
    assert complaint(cert, secret).endswith(f"decrypt it first with openssl pkey -in {secret}")
    assert complaint(broken, key).startswith(f"cannot use the certificate in {broken}")


def test_one_file_may_hold_both(tmp_path: Path, tls_files: TLSFiles) -> None:
    both = tmp_path / "both.pem"
    both.write_bytes(tls_files.key.read_bytes() + tls_files.cert.read_bytes())
    for pair in (both, str(both), (both, None)):
        assert Talk(Certificates([pair]).context).presented == serial(tls_files)


def test_settings_that_make_no_sense(tls_files: TLSFiles, tmp_path: Path) -> None:
    pair = [(tls_files.cert, tls_files.key)]
    with pytest.raises(ValueError, match="TLS needs a certificate"):
        Certificates([])
    with pytest.raises(ValueError, match="need a file of authorities"):
        Certificates(pair, client_certificates="required")
    with pytest.raises(ValueError, match="need a file of authorities"):
        Certificates(pair, client_ca=tls_files.cert, client_certificates="none")
    with pytest.raises(ValueError, match="one of none, optional, required: 'maybe'"):
        Certificates(pair, client_certificates="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="more than 0 seconds"):
        Certificates(pair, interval=0)
    with pytest.raises(CertificateFileError, match=r"holds no certificates of authorities$"):
        Certificates(pair, client_ca=tls_files.key)
    with pytest.raises(CertificateFileError, match="cannot read the authorities' certificates"):
        Certificates(pair, client_ca=tmp_path / "missing")
    broken = tmp_path / "broken.pem"
    broken.write_bytes(tls_files.cert.read_bytes()[:200] + b"\n-----END CERTIFICATE-----\n")
    with pytest.raises(CertificateFileError, match="holds no certificates of authorities: "):
        Certificates(pair, client_ca=broken)
