"""The house rules as functions from source to violations; `test_house_rules.py` runs them."""
