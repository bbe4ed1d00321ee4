"""The no-op route on the HTTP edge of commit da84a1e, which POST's rate is compared with from release to release.

A frozen copy, without the paths that a no-op never takes. It imports nothing of the product, and is changed only where
a library that both use requires it: when the product's edge becomes cheaper, the ratio to the yardstick stays the same.
"""
