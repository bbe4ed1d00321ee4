"""Decides whether a command is allowed: permissions, policy and OEM quotas."""
