"""Tenants: companies with their applications, OEM accounts, plans, vehicles, policies, limits and kill switches."""
