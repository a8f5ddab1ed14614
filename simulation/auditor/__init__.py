"""The auditor: judges a bot by the venue's ledger and by what the bot sends, writes and says, with books of its own.

It is written from the promises (docs/RELIABILITY.md, S1 to S18 and L1 to L7), imports nothing but `domain` and
`simulation.observed`, and knows nothing of how the bot decides.
"""

from simulation.auditor.auditor import Auditor
from simulation.auditor.terms import AuditTerms, Deadlines

__all__ = ["AuditTerms", "Auditor", "Deadlines"]
