"""Immobilisation: records, notices, reminders, enable retries, and the operations on them.

Here: `operations` (administration), `views` (records as operators see them), `reminders`, `enable_retries` (table and
rules). Below, since commands and tenants use them: `fleet.immobilisation` (tables of records and notices),
`commands.execution.effects` (opens, confirms and closes records), `tenants.immobilisation_guard` (changes that would
leave an immobilised vehicle unreachable). Above: `engine.enable_retry_loop` (drives the retries).
"""
