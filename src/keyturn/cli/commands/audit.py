"""``keyturn audit``: checkpoints, exports, and verification without a server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from cyclopts import Parameter

from keyturn.audit import chain_queries
from keyturn.audit.archive import Archive, DatabaseArchive, VerificationReport, verify
from keyturn.audit.export import ExportArchive, ExportRefused, read_checkpoint_file, write_export
from keyturn.cli.administration import administer
from keyturn.cli.configuration import settings_at
from keyturn.cli.failure import Exit, Failure, usage
from keyturn.cli.login import credentials
from keyturn.cli.options import DEFAULT_INSTALLATION, NO_OPERATOR, AsJson, Installation, OperatorLogin
from keyturn.cli.output import print_answer, print_json
from keyturn.cli.progress import progress_bar
from keyturn.printable import printable_lines
from keyturn.private_files import make_new, private_folder, publish
from keyturn.store.open import database_of
from keyturn.store.port import ReadTx, StoreRefused, StructureChanged

Company = Annotated[str | None, Parameter(help="Id or name of the company; without it, every chain.")]
First = Annotated[int, Parameter(name="--from", help="Number of the first entry of each chain.")]
Last = Annotated[int, Parameter(name="--to", help="Number of the last entry of each chain.")]
KeptCheckpoints = Annotated[Path | None, Parameter(help="File of checkpoints that was kept off the machine.")]
PublicKey = Annotated[Path | None, Parameter(help="File with one or several public keys in PEM.")]
Acknowledged = Annotated[
    tuple[int, ...], Parameter(name="--acknowledge-epoch", negative="", help="Epoch of a restore that is known to you.")
]

_END = b"-----END PUBLIC KEY-----"


def checkpoint(
    *, installation: Installation = DEFAULT_INSTALLATION, login: OperatorLogin = NO_OPERATOR, as_json: AsJson = False
) -> None:
    """Make a checkpoint of every chain that has grown since its last one."""
    answer = administer(installation, "audit checkpoint", {}, credentials(login))
    print_answer(answer if as_json else {"checkpoints": len(answer["checkpoints"])}, as_json=as_json)


def key(*, installation: Installation = DEFAULT_INSTALLATION, as_json: AsJson = False) -> None:
    """Print the public key that verifies checkpoints; keep it off the machine."""
    octets = bytes.fromhex(administer(installation, "audit key", {})["key"])
    pem = Ed25519PublicKey.from_public_bytes(octets).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if as_json:
        print_json({"key": octets.hex()})
    else:
        print(pem.decode(), end="")


def export(
    file: Path,
    /,
    *,
    company: Company = None,
    first: First = 1,
    last: Last = chain_queries.TO_THE_END,
    installation: Installation = DEFAULT_INSTALLATION,
    as_json: AsJson = False,
) -> None:
    """Write sealed entries and their checkpoints to a new file, while a server runs or without one."""
    with _file_failures(), database_of(settings_at(installation)).read_offline() as tx:
        only = None if company is None else _company_id(tx, company)
        with private_folder(file.parent) as folder:
            draft = folder / file.name
            make_new(draft)
            with draft.open("wb") as target:
                count = write_export(
                    tx, target, company=only, everything=company is None, first=max(1, first), last=last
                )
            publish(draft, file)
    print_answer({"file": str(file), "entries": count}, as_json=as_json)


def verify_chains(
    file: Path | None = None,
    /,
    *,
    checkpoints: KeptCheckpoints = None,
    public_key: PublicKey = None,
    acknowledge_epoch: Acknowledged = (),
    installation: Installation = DEFAULT_INSTALLATION,
    as_json: AsJson = False,
) -> Exit:
    """Verify an export, or with --data the chains of a data directory. Needs no server and no secret."""
    with _file_failures():
        keys = _public_keys(public_key) if public_key else None
        external = read_checkpoint_file(checkpoints) if checkpoints else []
        with _archive(file, installation) as archive, progress_bar("Verifying entries") as advance:
            report = verify(archive, keys=keys, external=external, acknowledged=acknowledge_epoch, advance=advance)
    if as_json:
        print_json({"sound": not report.faults, **msgspec.to_builtins(report)})
    else:
        print(printable_lines("\n".join(_report_lines(report))))
    return Exit.BROKEN if report.faults or report.unacknowledged else Exit.DONE


def acknowledge(
    epoch: int,
    /,
    *,
    installation: Installation = DEFAULT_INSTALLATION,
    login: OperatorLogin = NO_OPERATOR,
    as_json: AsJson = False,
) -> None:
    """Acknowledge the restore to this epoch; that is recorded in every chain that was restored."""
    print_answer(administer(installation, "audit acknowledge", {"epoch": epoch}, credentials(login)), as_json=as_json)


VERBS = {"acknowledge": acknowledge, "checkpoint": checkpoint, "key": key, "export": export, "verify": verify_chains}


@contextmanager
def _archive(file: Path | None, installation: Installation) -> Iterator[Archive]:
    if file is not None:
        yield ExportArchive(file)
        return
    with database_of(settings_at(installation)).read_offline() as tx:
        yield DatabaseArchive(tx)


@contextmanager
def _file_failures() -> Iterator[None]:
    """Raises `Failure` for errors that keep files from being read or written."""
    try:
        yield
    except StructureChanged as error:
        raise Failure(Exit.BROKEN, "structure_changed", str(error)) from None
    except StoreRefused as error:
        raise Failure(Exit.UNREACHABLE, "store_refused", str(error)) from None
    except ExportRefused as error:
        raise usage(str(error)) from None
    except OSError as error:
        raise usage(f"{error.filename} cannot be used: {error.strerror}.") from None


def _company_id(tx: ReadTx, reference: str) -> str:
    row = tx.one("SELECT id FROM company WHERE id = :reference OR name = :reference", reference=reference)
    if row is None:
        raise Failure(Exit.REFUSED, "not_found", f"There is no company '{reference}'.")
    return str(row[0])


def _public_keys(path: Path) -> list[bytes]:
    try:
        blocks = [block + _END for block in path.read_bytes().split(_END)[:-1]]
        keys = [load_pem_public_key(block.lstrip()) for block in blocks]
    except (ValueError, UnsupportedAlgorithm):
        keys = []
    octets = [each.public_bytes_raw() for each in keys if isinstance(each, Ed25519PublicKey)]
    if not octets:
        raise usage(f"{path} holds no Ed25519 public key in PEM.")
    return octets


def _report_lines(report: VerificationReport) -> Iterator[str]:
    for chain in report.chains:
        covered = f"checkpoint at entry {chain.checkpoint}" if chain.checkpoint else "no checkpoint"
        yield f"{chain.company or 'installation'}: entries {chain.first} to {chain.last}, {covered}"
    for finding in report.findings:
        yield f"{finding.what}: {finding.company or 'installation'}: {finding.text}"
    if report.faults:
        yield "The chains are broken."
    elif report.unacknowledged:
        yield "The chains are sound, and went through a restore that is not acknowledged."
    else:
        yield "The chains are sound."
