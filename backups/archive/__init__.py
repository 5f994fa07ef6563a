"""The archive format of backups: compressed, encrypted to recipients, signed. See docs/reference/backup-format.md."""

from backups.archive.headers import (
    AnotherArchive,
    ArchiveDamaged,
    ArchiveRefused,
    Closing,
    Header,
    HeaderRefused,
    Kind,
    NotAnArchive,
    NotForThisKey,
    OlderThanKnown,
    Recipient,
    SignatureWrong,
    Signer,
    SignerUnknown,
)
from backups.archive.reading import Source, peek, read, verify
from backups.archive.writing import ProducerFailed, Sink, Written, widen, write

__all__ = [
    "AnotherArchive",
    "ArchiveDamaged",
    "ArchiveRefused",
    "Closing",
    "Header",
    "HeaderRefused",
    "Kind",
    "NotAnArchive",
    "NotForThisKey",
    "OlderThanKnown",
    "ProducerFailed",
    "Recipient",
    "SignatureWrong",
    "Signer",
    "SignerUnknown",
    "Sink",
    "Source",
    "Written",
    "peek",
    "read",
    "verify",
    "widen",
    "write",
]
