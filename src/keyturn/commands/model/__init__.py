"""The command itself: catalogue, states, record, lifecycle and lane."""
