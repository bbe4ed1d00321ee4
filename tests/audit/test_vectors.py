"""The published vectors: whoever verifies with a program of their own needs these to agree."""

import hashlib
import json
import re
from pathlib import Path

from keyturn.audit.checkpoints import CheckpointStatement, SignedStatement
from keyturn.audit.encoding import GENESIS, Content, entry_hash
from keyturn.audit.personal import salted_hash

DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"
BLOCKS = re.findall(r"^\{\n.*?^\}$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
PERSONAL, ENTRY, CHECKPOINT = map(json.loads, BLOCKS)


def test_the_vector_of_a_personal_part() -> None:
    salt, text = bytes.fromhex(PERSONAL["salt"]), PERSONAL["personal"]

    assert salted_hash(salt, text).hex() == PERSONAL["personal_hash"]
    assert hashlib.sha256(salt + text.encode()).hexdigest() == PERSONAL["personal_hash"]


def test_the_vector_of_an_entry() -> None:
    _, company, number, prev, at, actor, kind, vehicle, command, body, personal_hash = json.loads(ENTRY["encoded"])
    content = Content(company, at, actor, kind, vehicle, command, body)

    assert prev == GENESIS.hex()
    assert personal_hash == PERSONAL["personal_hash"]
    assert entry_hash(number, GENESIS, content, bytes.fromhex(personal_hash)).hex() == ENTRY["hash"]
    assert hashlib.sha256(ENTRY["encoded"].encode()).hexdigest() == ENTRY["hash"]


def test_the_vector_of_a_checkpoint() -> None:
    signed = SignedStatement(**CHECKPOINT)
    statement = signed.read()

    assert isinstance(statement, CheckpointStatement)
    assert (statement.number, statement.hash) == (1, ENTRY["hash"])
    assert signed.signed_by([bytes.fromhex(signed.key)])
    assert not SignedStatement(signed.statement.replace("1", "2"), signed.signature, signed.key).signed_by(
        [bytes.fromhex(signed.key)]
    )
