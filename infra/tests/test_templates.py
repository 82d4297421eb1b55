"""What the templates promise, looked at without AWS."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import templates
from catalog import LANES
from templates import NAMES, listed, machine_scripts, of_type, read, resources, statements, walk

RUNBOOK = templates.INFRA.parent / "OPERATING.md"
FOURTEEN_DAYS = 1_209_600

# What can be granted for every resource alone; the templates say where that stands.
WITHOUT_RESOURCE = {"sqs:ListQueues", "ecr:GetAuthorizationToken", "ssm:UpdateInstanceInformation"}


class Form(unittest.TestCase):
    def test_a_wrong_template_does_not_pass_the_linter(self) -> None:
        right = templates.path("network").read_text()
        wrong = right.replace("EnableDnsSupport", "EnableDnsSuport")
        self.assertNotEqual(right, wrong)
        self.assertEqual([self.linted(right), self.linted(wrong) == 0], [0, False])

    def linted(self, text: str) -> int:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "template.yaml"
            file.write_text(text)
            linter = Path(sys.executable).with_name("cfn-lint")
            return subprocess.run([linter, file], capture_output=True).returncode

    def test_every_parameter_says_what_it_is_and_what_is_allowed(self) -> None:
        bounds = {"AllowedValues", "AllowedPattern", "MinValue"}
        # Names of what other stacks or other people made; AWS itself checks those of EC2.
        free = {"BucketName", "CodeBucket", "ReaperPackage", "BurstImage", "ModelsBucket", "EdgeUrl"}
        free |= {"StartCommand", "StopCommand"}
        for name in NAMES:
            for key, parameter in read(name)["Parameters"].items():
                with self.subTest(template=name, parameter=key):
                    self.assertTrue(parameter.get("Description"))
                    typed = "AWS::EC2::" in parameter["Type"]
                    self.assertTrue(bounds & parameter.keys() or typed or key in free)

    def test_each_stack_is_told_what_those_before_it_say(self) -> None:
        outputs = {name: read(name)["Outputs"].keys() for name in NAMES}
        alike = {key: key for key in ("QueueUrlPrefix", "BucketName", "WorkerPolicyArn", "KeyPolicyArn")}
        for name, source, pairs in [
            ("fleet", "network", {"SubnetIds": "SubnetIds", "SecurityGroupId": "WorkerSecurityGroupId"}),
            ("fleet", "forebay", alike),
            ("alarms", "forebay", {"BucketName": "BucketName"}),
        ]:
            for parameter, output in pairs.items():
                self.assertIn(parameter, read(name)["Parameters"])
                self.assertIn(output, outputs[source])

    def test_the_readme_names_every_output(self) -> None:
        readme = (templates.INFRA / "README.md").read_text()
        for name in NAMES:
            for output in read(name)["Outputs"]:
                self.assertIn(f"`{output}`", readme, name)


class Data(unittest.TestCase):
    def test_queues_keep_messages_as_long_as_queues_can(self) -> None:
        queues = of_type("forebay", "AWS::SQS::Queue")
        self.assertEqual(len(queues), 2 * len(LANES))
        for key, queue in queues.items():
            self.assertEqual(queue["Properties"]["MessageRetentionPeriod"], FOURTEEN_DAYS, key)

    def test_what_holds_data_outlives_its_stack(self) -> None:
        holders = ["AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Logs::LogGroup"]
        found = [(key, one) for name in NAMES for kind in holders for key, one in of_type(name, kind).items()]
        self.assertGreaterEqual(len(found), 10)
        for key, resource in found:
            self.assertEqual(resource.get("DeletionPolicy"), "RetainExceptOnCreate", key)
            self.assertEqual(resource.get("UpdateReplacePolicy"), "Retain", key)

    def test_a_key_of_the_customer_encrypts_every_queue_and_the_bucket(self) -> None:
        key, none = {"Ref": "KeyArn"}, {"Ref": "AWS::NoValue"}
        for name, queue in of_type("forebay", "AWS::SQS::Queue").items():
            properties = queue["Properties"]
            self.assertEqual(properties["KmsMasterKeyId"], {"Fn::If": ["HasKey", key, none]}, name)
            self.assertEqual(properties["SqsManagedSseEnabled"], {"Fn::If": ["HasKey", none, True]}, name)
        bucket = resources("forebay")["DataBucket"]["Properties"]["BucketEncryption"]
        default = bucket["ServerSideEncryptionConfiguration"][0]["ServerSideEncryptionByDefault"]
        self.assertEqual(default["SSEAlgorithm"], {"Fn::If": ["HasKey", "aws:kms", "AES256"]})
        self.assertEqual(default["KMSMasterKeyID"], {"Fn::If": ["HasKey", key, none]})
        policy = resources("forebay")["KeyPolicy"]["Properties"]
        holders = walk([policy["Users"], policy["Roles"]])
        names = {one["Ref"] for one in holders if isinstance(one, dict) and "Ref" in one}
        self.assertEqual(names - {"AWS::NoValue"}, {"EdgeUser", "WorkerRole", "ReaperRole", "BurstRole"})

    def test_no_secret_stands_in_a_template_or_in_what_is_made_of_it(self) -> None:
        for name in NAMES:
            self.assertNotIn("{{resolve:", templates.path(name).read_text(), name)
        functions = of_type("forebay", "AWS::Lambda::Function")
        self.assertEqual(len(functions), 2)
        for key, function in functions.items():
            variables = function["Properties"]["Environment"]["Variables"]
            self.assertNotIn("FOREBAY_REPORT_SECRET", variables, key)
            self.assertIn("FOREBAY_REPORT_SECRET_ID", variables, key)


class Rights(unittest.TestCase):
    def test_no_right_is_a_wildcard(self) -> None:
        for name in NAMES:
            for statement in (one for one in statements(name) if one["Effect"] == "Allow"):
                with self.subTest(template=name, statement=statement.get("Sid")):
                    actions = listed(statement["Action"])
                    self.assertFalse([action for action in actions if "*" in action])
                    if statement.get("Resource") == "*":
                        known = [one for one in actions if not one.startswith("ssmmessages:")]
                        self.assertLessEqual(set(known), WITHOUT_RESOURCE)

    def test_workers_read_models_and_the_report_secret(self) -> None:
        document = resources("forebay")["WorkerPolicy"]["Properties"]["PolicyDocument"]
        by_sid = {one["Sid"]: one for one in walk(document) if isinstance(one, dict) and "Sid" in one}
        self.assertEqual(by_sid["FetchModels"]["Action"], "s3:GetObject")
        self.assertIn("${ModelsBucket}/${ModelsPrefix}/*", by_sid["FetchModels"]["Resource"]["Fn::Sub"])
        self.assertEqual(by_sid["ReadReportSecret"]["Action"], "secretsmanager:GetSecretValue")

    def test_nothing_reaches_a_worker(self) -> None:
        groups = of_type("network", "AWS::EC2::SecurityGroup")
        self.assertNotIn("SecurityGroupIngress", groups["WorkerSecurityGroup"]["Properties"])
        for name in NAMES:
            self.assertEqual(of_type(name, "AWS::EC2::SecurityGroupIngress"), {})
        [rule] = groups["EndpointSecurityGroup"]["Properties"]["SecurityGroupIngress"]
        self.assertEqual(rule["SourceSecurityGroupId"], {"Ref": "WorkerSecurityGroup"})
        for key, subnet in of_type("network", "AWS::EC2::Subnet").items():
            self.assertIs(subnet["Properties"]["MapPublicIpOnLaunch"], False, key)


class Fleet(unittest.TestCase):
    def test_metadata_is_answered_with_a_token_alone(self) -> None:
        data = resources("fleet")["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        options = {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 2}
        self.assertEqual(data["MetadataOptions"], options)
        self.assertIs(data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"], True)

    def test_a_machine_drains_before_it_goes(self) -> None:
        group = resources("fleet")["Workers"]["Properties"]
        [hook] = group["LifecycleHookSpecificationList"]
        self.assertEqual(hook["LifecycleTransition"], "autoscaling:EC2_INSTANCE_TERMINATING")
        data = resources("fleet")["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
        script = data["UserData"]["Fn::Base64"]["Fn::Sub"]
        self.assertIn(f"--lifecycle-hook-name {hook['LifecycleHookName']['Fn::Sub']} ", script)
        self.assertIn(f"--auto-scaling-group-name {group['AutoScalingGroupName']['Fn::Sub']} ", script)
        self.assertLess(script.index("${StopCommand}"), script.index("complete-lifecycle-action"))
        self.assertIs(group["CapacityRebalance"], True)
        rights = {one["Sid"]: one["Action"] for one in statements("fleet") if "Sid" in one}
        said = {"autoscaling:CompleteLifecycleAction", "autoscaling:SetInstanceHealth"}
        self.assertEqual(set(rights["SayDrainedOrUnhealthy"]), said)
        # What a person or a policy has set is not taken back by an update.
        self.assertNotIn("DesiredCapacity", group)

    def test_each_policy_divides_what_waits_in_its_lanes_by_the_machines(self) -> None:
        parameters = read("fleet")["Parameters"]
        for kind in ("Light", "Heavy"):
            policy = resources("fleet")[f"{kind}Policy"]["Properties"]
            target = policy["TargetTrackingConfiguration"]
            self.assertEqual(target["TargetValue"], {"Ref": f"{kind}Backlog"})
            queries = {one["Id"]: one for one in target["CustomizedMetricSpecification"]["Metrics"]}
            terms = re.findall(r"FILL\((\w+), [01]\)", queries.pop("backlog")["Expression"])
            self.assertEqual(set(terms), queries.keys())
            # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
            self.assertLessEqual(len(queries), 10)
            lanes = []
            for name, query in sorted(queries.items()):
                self.assertIs(query["ReturnData"], False)
                metric = query["MetricStat"]["Metric"]
                [dimension] = metric["Dimensions"]
                if name == "machines":
                    self.assertEqual(metric["MetricName"], "GroupInServiceInstances")
                    self.assertEqual(dimension["Value"]["Fn::Sub"], "${Prefix}-workers${Suffix}")
                    continue
                self.assertEqual(metric["MetricName"], "ApproximateNumberOfMessagesVisible")
                text, values = dimension["Value"]["Fn::Sub"]
                self.assertEqual(text, "${Prefix}-${Lane}")
                index, split = values["Lane"]["Fn::Select"]
                given = split["Fn::Split"][1]["Fn::Sub"]
                given = given.replace(f"${{{kind}Lanes}}", parameters[f"{kind}Lanes"]["Default"])
                lanes.append(given.split(",")[int(index)])
            watched = [lane for lane in lanes if lane != "-"]
            self.assertEqual(watched, parameters[f"{kind}Lanes"]["Default"].split(","))
            # A lane that a catalog adds may have machines of its own.
            alike = {lane for lane, spec in LANES.items() if spec.get("work") in (None, kind.lower())}
            self.assertLessEqual(set(watched), alike)

    def test_lanes_that_are_named_reach_the_worker(self) -> None:
        pattern = read("fleet")["Parameters"]["Lanes"]["AllowedPattern"]
        for lanes in ["", "acme", "acme=8,paid-light=1"]:
            self.assertRegex(lanes, pattern)
        for lanes in ["acme=0", "Acme", "a b", "acme,"]:
            self.assertNotRegex(lanes, pattern)
        self.assertIn("\nFOREBAY_LANES=acme=8\n", machine_scripts(Lanes="acme=8")[0])

    def test_a_machine_stops_the_worker_and_then_says_that_it_may_go(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            plays = {
                # It is in service when it is first asked, and says nothing at all the second time.
                "curl": """case "${!#}" in
                    */token) echo a-token ;;
                    */instance-id) echo i-1 ;;
                    */target-lifecycle-state)
                        echo asked >>asked
                        case $(wc -l <asked) in 1) echo InService ;; 2) exit 22 ;; *) echo Terminated ;; esac ;;
                    *) exit 22 ;;
                    esac""",
                "sleep": "echo sleep $* >>done",
                "stop": "echo stop >>done",
                "aws": "echo aws $* >>done",
            }
            for name, text in plays.items():
                file = Path(folder) / name
                file.write_text(f"#!/bin/bash\n{text}\n")
                file.chmod(0o755)
            environment = {"PATH": f"{folder}:/usr/bin:/bin"}
            script = machine_scripts(StopCommand="stop", Prefix="forebay", Region="eu-west-1")[1]
            ran = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, timeout=60)
            self.assertEqual(ran.returncode, 0)
            done = (Path(folder) / "done").read_text().splitlines()
            self.assertEqual(done[:3], ["sleep 5", "sleep 5", "stop"])
            said = r"^aws autoscaling complete-lifecycle-action --region eu-west-1 .*--instance-id i-1 "
            self.assertRegex(done[3], said)
            self.assertEqual(len(done), 4)


class Alarms(unittest.TestCase):
    def test_every_alarm_says_what_to_do_and_the_runbook_says_more(self) -> None:
        alarms = of_type("alarms", "AWS::CloudWatch::Alarm")
        self.assertEqual(len(alarms), 5 * len(LANES) + 2)
        runbook = RUNBOOK.read_text()
        for key, alarm in alarms.items():
            with self.subTest(alarm=key):
                properties = alarm["Properties"]
                text = properties["AlarmDescription"]
                text = text["Fn::Sub"] if isinstance(text, dict) else text
                [section] = re.findall(r"See OPERATING\.md, ([\w ]+)\.$", text)
                self.assertIn(f"\n## {section}", runbook)
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
                self.assertLess(len(text), 1024)
                name = properties["AlarmName"]["Fn::Sub"].replace("${Prefix}", "PREFIX")
                name = re.sub("|".join(LANES), "LANE", name)
                self.assertIn(f"| `{name}` |", runbook)
                self.assertTrue(properties["AlarmActions"])
        for key in [*of_type("alarms", "AWS::Budgets::Budget"), *of_type("forebay", "AWS::CloudWatch::Alarm")]:
            self.assertIn({"MonthlyBudget": "| `PREFIX-monthly` |"}.get(key, "| `PREFIX-LANE-late` |"), runbook, key)

    def test_queues_and_alarms_are_those_of_the_catalog(self) -> None:
        wanted = {f"${{Prefix}}-{lane}{end}" for lane in LANES for end in ("", "-dlq")}
        queues = of_type("forebay", "AWS::SQS::Queue").values()
        self.assertEqual({queue["Properties"]["QueueName"]["Fn::Sub"] for queue in queues}, wanted)
        watched = {
            one["Value"]["Fn::Sub"]
            for one in walk(read("alarms")["Resources"])
            if isinstance(one, dict) and one.get("Name") == "QueueName"
        }
        self.assertEqual(watched, wanted)

    def test_a_lane_is_late_when_its_oldest_job_waits_longer_than_it_is_meant_to(self) -> None:
        alarms = [one["Properties"] for one in of_type("alarms", "AWS::CloudWatch::Alarm").values()]
        by_name = {one["AlarmName"]["Fn::Sub"]: one for one in alarms}
        for lane, spec in LANES.items():
            threshold = by_name[f"${{Prefix}}-{lane}-oldest"]["Threshold"]
            self.assertEqual(threshold, max(60, -(-spec.get("wait_ms", 60_000) // 1000)), lane)

    def test_burst_workers_take_light_work_alone(self) -> None:
        mappings = of_type("forebay", "AWS::Lambda::EventSourceMapping").values()
        bursting = [one["Properties"] for one in mappings if one["Condition"] == "HasBurst"]
        sources = {one["EventSourceArn"]["Fn::GetAtt"][0] for one in bursting}
        queues = of_type("forebay", "AWS::SQS::Queue")
        names = {queues[source]["Properties"]["QueueName"]["Fn::Sub"] for source in sources}
        light = {f"${{Prefix}}-{lane}" for lane, spec in LANES.items() if spec.get("work") == "light"}
        self.assertEqual(names, light)

    def test_the_alarm_on_s3_reads_what_the_bucket_counts(self) -> None:
        counted = resources("forebay")["DataBucket"]["Properties"]["MetricsConfigurations"]["Fn::If"][1][0]["Id"]
        dimensions = resources("alarms")["S3ServerErrors"]["Properties"]["Dimensions"]
        self.assertIn({"Name": "FilterId", "Value": counted}, dimensions)

    def test_arrivals_are_not_asked_of_a_number_that_leaves_them_out(self) -> None:
        arrived = next(one for key, one in resources("alarms").items() if key.startswith("DeadLetterArrived"))
        numbers = {one["MetricName"] for one in walk(arrived) if isinstance(one, dict) and "MetricName" in one}
        self.assertNotIn("NumberOfMessagesSent", numbers)


if __name__ == "__main__":
    unittest.main()
