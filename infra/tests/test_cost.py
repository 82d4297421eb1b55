"""cost.md says what cost.py computes, of counts that the templates have."""

import sys
import unittest

import templates
from templates import of_type, walk

sys.path.insert(0, str(templates.INFRA))
import cost  # noqa: E402


class Cost(unittest.TestCase):
    def setUp(self) -> None:
        self.data = cost.read()

    def test_the_page_says_what_is_computed(self) -> None:
        page = (templates.INFRA / "cost.md").read_text()
        for table in (cost.of_jobs(self.data), cost.of_months(self.data)):
            self.assertIn(f"\n\n{table}\n\n", page, "put in what `python3 infra/cost.py` prints")

    def test_a_million_jobs_cost_the_sum_of_what_one_takes(self) -> None:
        price = {name: 1.0 for name in self.data["prices"]}
        job = {name: 0.0 for one in self.data["jobs"].values() for name in one} | {"utilisation": 1.0}
        storage = cost.ROW_GB_MONTHS * 1e6
        for change, dollars in [
            ({}, 0.0),
            ({"rows_written": 8}, 8.0),
            ({"object_s": 1}, 0.128),
            ({"s3_puts": 1, "s3_gets": 2}, 3.0),
            # A million times 3.6 ms are an hour.
            ({"device_ms": 3.6}, 1.0),
            ({"device_ms": 3.6, "utilisation": 0.5}, 2.0),
            # A megabyte for a month, a million times.
            ({"stored_mb_days": 30}, 1000.0),
            ({"out_mb": 1}, 1000.0),
        ]:
            with self.subTest(change=change):
                self.assertAlmostEqual(sum(cost.lines(job | change, price).values()), dollars + storage)

    def test_every_price_is_used_and_every_job_has_all_that_is_asked_of_it(self) -> None:
        for name in self.data["jobs"]:
            lines = cost.lines(cost.completed(self.data["jobs"], name), self.data["prices"])
            self.assertTrue(all(dollars >= 0 for dollars in lines.values()), name)
        for name in self.data["prices"]:
            dearer = self.data["prices"] | {name: self.data["prices"][name] * 2}
            job = cost.completed(self.data["jobs"], "heavy")
            self.assertNotEqual(cost.lines(job, dearer), cost.lines(job, self.data["prices"]), name)

    def test_counts_are_those_of_the_templates(self) -> None:
        counts = {one["what"].split()[0]: one["count"] for one in self.data["monthly"]}
        endpoints = of_type("network", "AWS::EC2::VPCEndpoint").values()
        interfaces = [one for one in endpoints if one["Properties"]["VpcEndpointType"] == "Interface"]
        self.assertEqual(counts["interface"], len(interfaces))
        self.assertEqual(counts["NAT"], len(of_type("network", "AWS::EC2::NatGateway")))
        # An alarm is paid by the metrics that it looks at: https://aws.amazon.com/cloudwatch/pricing/
        alarms = of_type("alarms", "AWS::CloudWatch::Alarm").values()
        metrics = len([one for one in walk(list(alarms)) if isinstance(one, dict) and "MetricName" in one])
        self.assertEqual(counts["alarms,"], metrics)
        policies = of_type("fleet", "AWS::AutoScaling::ScalingPolicy").values()
        names = [one for one in walk(list(policies)) if isinstance(one, dict) and "MetricName" in one]
        self.assertEqual(counts["policies"], 2 * len(names))


if __name__ == "__main__":
    unittest.main()
