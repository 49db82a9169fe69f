"""The demo: Phúc Lợi ward, eight months of 2023, played through the hub and counted again.

ward        the place: unit, period, officers, procedures with their terms and fees
people      invented applicants
course      when each thing happens to a dossier, from receipt to return
wire        what the one-stop product sends about it
scenario    all dossiers of a ward, their calls in time order, and the figures they must give
deployment  names, ports, hub.yaml and fault script of one run
ground      its database and topics; removal of earlier ones
processes   the portal and the hub as processes: started, waited for, stopped
playing     calls made in order: dossiers side by side, each one's strictly one after another
sending     the simulated one-stop product that makes them
run         all of it together, until everything has arrived
report      the figures read back from the hub, held against scenario and portal
errands     meanwhile: payments ordered and paid, parcels ordered and delivered
city        meanwhile, in a city: signed documents to other offices, petitions of citizens
checks      what was counted at the counterparts and in the timeline, beside what must come out
screen, pages   what a person sees meanwhile, and at the end

Only published figures and the names of procedures are real. All people, numbers, papers and
times are made by a seeded generator.
"""
