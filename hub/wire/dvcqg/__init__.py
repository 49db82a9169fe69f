"""The dossier format of the national public service portal (Cổng dịch vụ công quốc gia, DVCQG).

One-stop products write it, the portal reads it, provincial platforms pass it on.

models     the wire objects, field by field
reading    bytes or parsed JSON -> wire objects, and the hash of the canonical body
dates      `yyyyMMddHHmmss`
codes      the code lists, both ways
rules      what the portal refuses
canonical  wire objects <-> `hub.schemas.dossier`
filed      dossiers that the portal pushes to the unit, and their states on the way back
questions  questions and answers <-> `hub.schemas.petition`
lgsp       the `Document` of ministry platforms <-> the same dossier
catalogues what the portal publishes, as last pulled, and what of a dossier is not in it
claims     what a shared sign-on says about who filed, as the dossier's applicant
"""
