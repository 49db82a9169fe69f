"""edXML: packages of official documents by QCVN 102:2016/BTTTT and its amendment of 2022."""
