"""Shipped test tools: the storage contract, the fault-injecting backend, builders."""
