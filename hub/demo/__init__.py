"""The demo: Phúc Lợi ward, eight months of 2023, played through the hub and counted again.

ward        the place: unit, period, officers, procedures with their terms and fees
people      invented applicants
course      when each thing happens to a dossier, from receipt to return
wire        what the one-stop product sends about it
scenario    all dossiers of a ward, their calls in time order, and the figures they must give
playing     the calls through the one-stop product: dossiers side by side, each in order
report      the figures read back from the hub, compared with the scenario and the portal

Only published figures and the names of procedures are real. All people, numbers, papers and
times are made by a seeded generator.
"""
