"""A key for backups, without a key file around it."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Signer:
    """The port's `BackupSigner`."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def backup_key(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign_backup(self, statement: bytes) -> bytes:
        return self._key.sign(statement)

    def verify_backup(self, statement: bytes, signature: bytes) -> bool:
        try:
            self._key.public_key().verify(signature, statement)
        except InvalidSignature:
            return False
        return True


SIGNER = Signer(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
