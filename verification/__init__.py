"""Attacks on the product: what it promises must hold under faults, kills, power cuts and deliberate bugs."""
