"""What a world's past says about the client: was it charged twice, did it keep the rules.

`money` counts, `rules` judges, `judging` tells of it, `lineage` follows frames from job to job.
All of it only reads; a world is as it was afterwards.
"""

from mockserver.verdict.judging import Verdict, assert_good_client, verdict
from mockserver.verdict.lineage import Lineage, Link, assert_chain, lineage
from mockserver.verdict.money import (
    DoubleCharge,
    assert_no_double_charge,
    assert_spent,
    double_charges,
    spent,
)
from mockserver.verdict.rules import RULES, Finding, Rule, findings

__all__ = [
    "RULES",
    "DoubleCharge",
    "Finding",
    "Lineage",
    "Link",
    "Rule",
    "Verdict",
    "assert_chain",
    "assert_good_client",
    "assert_no_double_charge",
    "assert_spent",
    "double_charges",
    "findings",
    "lineage",
    "spent",
    "verdict",
]
