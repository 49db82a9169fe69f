"""Wire formats that more than one connector speaks; nothing in here knows a connector."""
