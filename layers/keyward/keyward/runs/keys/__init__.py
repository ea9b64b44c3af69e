"""Runs about the keys of customers: the steps of reconcile-customer, bulk, quota, claims."""
