from __future__ import annotations

import subprocess
import sys
import time
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.hpack import HuffmanEOSError, HuffmanPaddingError
from plait.hpack.huffman import decode_huffman, encode_huffman, huffman_length
from plait.hpack.huffman_table import CODES, LENGTHS

GENERATOR = Path(__file__).parents[2] / "tools" / "make_huffman.py"

# RFC 7541 Appendix C.4 and C.6
EXAMPLES = {
    "f1e3c2e5f23a6ba0ab90f4ff": b"www.example.com",
    "a8eb10649cbf": b"no-cache",
    "25a849e95ba97d7f": b"custom-key",
    "25a849e95bb8e8b4bf": b"custom-value",
    "6402": b"302",
    "640eff": b"307",
    "aec3771a4b": b"private",
    "d07abe941054d444a8200595040b8166e082a62d1bff": b"Mon, 21 Oct 2013 20:13:21 GMT",
    "9d29ad171863c78f0b97c8e9ae82ae43d3": b"https://www.example.com",
    "9bd9ab": b"gzip",
}


def encode(data: bytes) -> bytes:
    size = huffman_length(data)
    out = bytearray(b"before" + b"?" * size + b"after")
    assert encode_huffman(out, 6, data) == 6 + size
    assert out[:6] + out[6 + size :] == b"beforeafter"
    return bytes(out[6 : 6 + size])


def decode(data: bytes) -> bytes:
    return decode_huffman(b"<" + data + b">", 1, 1 + len(data))


def bits(text: str) -> bytes:
    """The octets of a string of 0 and 1, padded with ones."""
    text = text.replace(" ", "")
    text += "1" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


def code(symbol: int) -> str:
    return format(CODES[symbol], f"0{LENGTHS[symbol]}b")


def test_the_table_is_what_its_generator_writes() -> None:
    subprocess.run([sys.executable, str(GENERATOR), "--check"], check=True, timeout=60)


def test_the_code_is_complete() -> None:
    # Kraft's equality: every string of bits is the start of some string of codes.
    assert sum(Fraction(1, 2**length) for length in LENGTHS) == 1


def test_no_code_starts_another() -> None:
    codes = sorted(code(symbol) for symbol in range(257))
    for one, next_one in pairwise(codes):
        assert not next_one.startswith(one)


def test_codes_printed_in_the_rfc() -> None:
    # RFC 7541 Appendix B, some lines of every length.
    assert code(ord("0")) == "00000"
    assert code(ord("t")) == "01001"
    assert code(ord(" ")) == "010100"
    assert code(ord("u")) == "101101"
    assert code(ord(":")) == "1011100"
    assert code(ord("z")) == "1111011"
    assert code(ord("&")) == "11111000"
    assert code(ord("Z")) == "11111101"
    assert code(ord("!")) == "1111111000"
    assert code(ord("|")) == "11111111100"
    assert code(ord("#")) == "111111111010"
    assert (CODES[0], LENGTHS[0]) == (0x1FF8, 13)
    assert (CODES[ord("\\")], LENGTHS[ord("\\")]) == (0x7FFF0, 19)
    assert (CODES[128], LENGTHS[128]) == (0xFFFE6, 20)
    assert (CODES[255], LENGTHS[255]) == (0x3FFFFEE, 26)
    assert (CODES[249], LENGTHS[249]) == (0xFFFFFFE, 28)
    assert (CODES[22], LENGTHS[22]) == (0x3FFFFFFE, 30)
    assert (CODES[256], LENGTHS[256]) == (0x3FFFFFFF, 30)


@pytest.mark.parametrize("octets", EXAMPLES)
def test_examples_of_the_rfc(octets: str) -> None:
    assert decode(bytes.fromhex(octets)) == EXAMPLES[octets]
    assert encode(EXAMPLES[octets]).hex() == octets


def test_every_symbol_alone_repeated_and_between_others() -> None:
    for symbol in range(256):
        one = bytes([symbol])
        for data in (one, one * 2, one * 9, b"a" + one + b"b", b"www" + one * 3 + b"0"):
            coded = encode(data)
            assert coded == bits("".join(code(octet) for octet in data))
            assert len(coded) == huffman_length(data)
            assert decode(coded) == data


@given(st.binary(max_size=2000))
def test_decoding_gives_back_what_was_encoded(data: bytes) -> None:
    coded = encode(data)
    assert len(coded) == huffman_length(data)
    assert decode(coded) == data


@given(st.binary(max_size=80))
def test_any_octets_decode_or_are_refused_for_their_padding_or_eos(data: bytes) -> None:
    try:
        text = decode(data)
    except (HuffmanPaddingError, HuffmanEOSError):
        return
    assert encode(text) == data


def test_the_empty_string() -> None:
    assert encode(b"") == b""
    assert decode(b"") == b""


@pytest.mark.parametrize("length", range(1, 8))
def test_padding_up_to_seven_ones_is_accepted(length: int) -> None:
    # "0" has five bits, "&" eight, ":" seven: together any padding can be had.
    text = {7: "0" * 5, 6: "0" * 2, 5: "0" * 7, 4: "0" * 4, 3: "0", 2: "0" * 6, 1: "0" * 3}[length]
    coded = encode(text.encode())
    assert len(coded) * 8 - 5 * len(text) == length
    assert decode(coded) == text.encode()


@pytest.mark.parametrize("before", ["", "a", "ab", "www.example.com", "&&&&"])
def test_padding_of_eight_ones_or_more_is_refused(before: str) -> None:
    codes = "".join(code(ord(letter)) for letter in before)
    for more in (1, 2):
        with pytest.raises(HuffmanPaddingError):
            decode(bits(codes) + b"\xff" * more)


@pytest.mark.parametrize("padding", ["0", "10", "110", "1110", "0111", "000", "0000", "1111110"])
def test_padding_other_than_ones_is_refused(padding: str) -> None:
    for count in range(8):
        text = "".join([code(ord("&"))] * 3 + [code(ord("0"))] * count)
        if (len(text) + len(padding)) % 8 == 0:
            break
    else:
        text = code(ord(":")) * (8 - len(padding))
        assert (len(text) + len(padding)) % 8 == 0
    with pytest.raises(HuffmanPaddingError):
        decode(bits(text + padding))


@pytest.mark.parametrize("before", ["", "0", "abc", "{{{", "www.example.com"])
@pytest.mark.parametrize("after", ["", "0", "abcdefgh"])
def test_the_end_of_string_symbol_is_refused(before: str, after: str) -> None:
    codes = [code(ord(letter)) for letter in before]
    codes += [code(256)] + [code(ord(letter)) for letter in after]
    with pytest.raises(HuffmanEOSError):
        decode(bits("".join(codes)))


def test_a_long_code_cut_short_is_bad_padding() -> None:
    for symbol in range(257):
        text = code(symbol)
        if len(text) <= 8:
            continue
        with pytest.raises(HuffmanPaddingError):
            decode(bits(text[: (len(text) - 1) // 8 * 8]))


def test_strings_of_any_length_leave_the_spare_buffers_clean() -> None:
    for size in (0, 1, 639, 640, 641, 1023, 1024, 1025, 5000, 3):
        assert decode(encode(b"0" * size)) == b"0" * size
        assert decode(encode(b"\x0a" * size)) == b"\x0a" * size


def test_the_cost_is_linear() -> None:
    def spent(size: int) -> float:
        coded = encode(b"~" * size)
        start = time.process_time()
        decode(coded)
        return time.process_time() - start

    few = min(spent(20_000) for _ in range(5))
    many = min(spent(200_000) for _ in range(3))
    assert many < few * 40
