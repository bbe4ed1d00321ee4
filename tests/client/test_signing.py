import pytest

from keyturn_client import message, signature

SECRET = "YOUR_SIGN_SECRET_PROVIDED_BY_MOBWAY"
VECTORS = [
    ("6AHFT68CKAF501652", "diagnostics", "4077e5ef4f457df8905be26389d8a29bcba490bae29f232ca1706160cdc8b406"),
    ("6AHFT68CKAF501652", "disable_ignition", "321c9fce42e2888e049ccc5b3063a3a923c756ecdb8e991d04a04afdd6c07d29"),
    ("VÍN-ã", "start", "feb79778ba410b41d1995930ee462c73183f64c8b3a0b19bcb67eadcd1b5306b"),
]


@pytest.mark.parametrize(("vin", "command", "digest"), VECTORS)
def test_signs_the_published_vectors(vin: str, command: str, digest: str) -> None:
    assert signature(SECRET, vin, command) == digest


def test_the_message_is_compact_sorted_and_ascii() -> None:
    assert message("VÍN-ã", "start") == '{"command":"start","vin":"V\\u00cdN-\\u00e3"}'
