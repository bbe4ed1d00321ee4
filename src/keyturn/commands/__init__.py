"""The domain of commands in six floors, each importing those below.

From above: operations, execution, admission, rules, preconditions, model.
"""
