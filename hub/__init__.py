"""Hub liên thông: a dossier's events reach each system in order, whatever fails.

Message    bytes as they crossed a wire, with headers and position
Event      one canonical fact, a frozen model, past tense (`dossier.progressed`)
Subject    what an event is about and what order is kept for: the dossier code (mã hồ sơ)
Connector  everything the hub knows about one kind of outside system
Route      these kinds of event go to that connector, under these terms
Terms      how a route delivers: timeout, attempts, patience, rounds, concurrency, expiry
Outcome    how the handling of one message ended: delivered, skipped, parked, dead
Held       a message kept for later: parked (the hub will try again) or dead (a person must act)
Settings   what differs between deployments

Verbs, in the order a message meets them: receive (outside -> in-topic), decode (Message ->
Events), resolve (foreign id -> subject), encode (Event -> Message), deliver (Message -> outside),
decide (error -> Outcome).
"""

__version__ = "0.1.0"
