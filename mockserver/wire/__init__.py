"""HTTP as the mock speaks it: requests, answers, rules of fields, errors as data."""
