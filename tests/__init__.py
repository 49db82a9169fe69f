"""Tests of the hub; what they share is in broker.py and conftest.py."""
