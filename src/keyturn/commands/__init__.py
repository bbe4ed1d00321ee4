"""The domain of commands in six floors, each importing those below: operations, execution, admission, rules, preconditions,
model.
"""
