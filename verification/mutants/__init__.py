"""Mutation testing of what decides and guards: one small change to the product at a time, and its tests."""
