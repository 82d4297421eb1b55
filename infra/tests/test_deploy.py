"""`cargo xtask deploy`, `rollback` and `destroy` against a LocalStack; wrangler and curl are played.

LocalStack takes the stacks, secrets, users and objects. What stands in for wrangler and curl writes down what it was asked
and plays a Cloudflare that does as it is told: it says that the right things are asked in the right order, and nothing of
what Cloudflare does with them.
"""

import hashlib
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from server import DEADLINE_S, ROOT, Server

import stacks

# The test's own; ignored by git as every environment but the example.
ENVIRONMENTS = ROOT / "infra" / "environments"
XTASK = os.environ.get("FOREBAY_XTASK", "")
HEX = "0123456789abcdef" * 2

EDGE = f'''[edge]
account = "{HEX}"
domain = "jobs.example.test"
kv_namespace = "{HEX}"
rollout_percent = [100]
'''
# LocalStack's own queues have no TLS, which machines ask for; these are never asked.
FLEET = """ImageId = "ami-0123456789abcdef0"
SubnetIds = "subnet-1"
SecurityGroupId = "sg-1"
QueueUrlPrefix = "https://sqs.us-east-1.amazonaws.com/000000000000/x"
"""


PLAYED = Path(__file__).resolve().parent / "played.py"


def hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def setUpModule() -> None:
    if not XTASK:
        raise RuntimeError("FOREBAY_XTASK names no program: cargo xtask test --only infra does")


class Environment:
    """Settings of one environment, and the commands on it."""

    def __init__(self, test: unittest.TestCase, endpoint: str, more: str = "", prefix: str = "") -> None:
        self.test = test
        self.prefix = prefix or f"t{os.getpid():x}{time.monotonic_ns() % 100_000:x}"
        self.bucket = f"{self.prefix}-code"
        self.file = ENVIRONMENTS / f"test-{self.prefix}.toml"
        test.addCleanup(self.file.unlink, missing_ok=True)
        test.addCleanup(shutil.rmtree, ROOT / ".run" / "deploy" / self.file.stem, ignore_errors=True)
        folder = tempfile.TemporaryDirectory()
        test.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.package = self.folder / "package.tar.gz"
        self.package.write_bytes(b"a package")
        self.state = self.folder / "cloudflare.json"
        bin_folder = self.folder / "bin"
        bin_folder.mkdir()
        for name in ("wrangler-played", "curl"):
            program = bin_folder / name
            program.write_text(f'#!/bin/sh\nexec {sys.executable} {PLAYED} {name} {self.state} "$@"\n')
            program.chmod(0o755)
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": endpoint}
        self.variables = {**os.environ, **keys, "FOREBAY_WRANGLER": "wrangler-played", "NO_COLOR": "1"}
        # The bundle that set-up made.
        self.variables["FOREBAY_EDGE_PREBUILT"] = "1"
        self.variables["PATH"] = f"{bin_folder}:{os.environ['PATH']}"
        self.write(more)

    def write(self, more: str = "", prefix: str = "") -> None:
        self.file.write_text(
            f'prefix = "{prefix or self.prefix}"\n[aws]\nregion = "us-east-1"\naccount = "000000000000"\n'
            f'code_bucket = "{self.bucket}"\n{more}'
        )

    def command(self, command: str, *arguments: str) -> list[str]:
        return [XTASK, command, "--env", self.file.stem, *arguments]

    def run(self, command: str, *arguments: str, code: int = 0) -> str:
        """What it says, both streams together; it must end with this code."""
        whole = self.command(command, *arguments)
        options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        done = subprocess.run(whole, env=self.variables, cwd=ROOT, text=True, timeout=DEADLINE_S, **options)
        self.test.assertEqual(done.returncode, code, done.stdout)
        return str(done.stdout)

    def cloudflare(self, **changes: Any) -> dict[str, Any]:
        """What was played, with these changes from now on."""
        state: dict[str, Any] = json.loads(self.state.read_text()) if self.state.exists() else {}
        state.update(changes)
        self.state.write_text(json.dumps(state))
        return state

    def hashes(self) -> dict[str, str]:
        """Of the secrets that the edge was given by themselves."""
        found: dict[str, str] = self.cloudflare()["hashes"]
        return found

    def deploy(self, *arguments: str, code: int = 0) -> str:
        return self.run("deploy", "--yes", *arguments, code=code)


class Deploy(unittest.TestCase):
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(stacks.SERVICES + ",secretsmanager")

    def environment(self, more: str = "", **options: str) -> Environment:
        return Environment(self, self.server.endpoint, more, **options)

    def status(self, stack: str) -> str | None:
        try:
            found = self.server.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        except ClientError:
            return None
        return None if found == "DELETE_COMPLETE" else str(found)

    def objects(self, bucket: str) -> list[str]:
        listed = self.server.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
        return [one["Key"] for one in listed]

    def journal(self, environment: Environment) -> list[dict[str, Any]]:
        key = f"deployments/{environment.prefix}/journal.json"
        body = self.server.client("s3").get_object(Bucket=environment.bucket, Key=key)["Body"].read()
        found: list[dict[str, Any]] = json.loads(body)["deployments"]
        return found

    def test_it_deploys_again_without_a_change_and_is_taken_away(self) -> None:
        one = self.environment('[network]\nNatGateway = "no"\n')
        dry = one.run("deploy", "--dry-run")
        self.assertIn(f"~ bucket     {one.bucket} is made", dry)
        self.assertIn(f"~ network    {one.prefix}-network is not there: it is made", dry)
        self.assertEqual((self.status(one.prefix), self.status(f"{one.prefix}-network")), (None, None))
        with self.assertRaises(ClientError):
            self.objects(one.bucket)

        one.deploy()
        self.assertEqual(self.status(one.prefix), "CREATE_COMPLETE")
        self.assertEqual(self.status(f"{one.prefix}-network"), "CREATE_COMPLETE")
        secrets = self.server.client("secretsmanager")
        secret = secrets.get_secret_value(SecretId=f"{one.prefix}/report-secret")["SecretString"]
        self.assertRegex(secret, "^[0-9a-f]{64}$")

        again = one.deploy()
        for stack in (one.prefix, f"{one.prefix}-network"):
            self.assertIn(f"{stack} is as it is to be", again)
        self.assertNotIn("is uploaded", again)
        self.assertNotIn(secret, again)
        self.assertEqual(secrets.get_secret_value(SecretId=f"{one.prefix}/report-secret")["SecretString"], secret)
        self.assertEqual([entry["is_finished"] for entry in self.journal(one)], [True, True])
        self.assertNotIn(f"deployments/{one.prefix}/lock.json", self.objects(one.bucket))

        self.assertIn("is not the prefix", one.run("destroy", "--confirm", "another", code=1))
        self.assertEqual(self.status(one.prefix), "CREATE_COMPLETE")
        for _ in range(2):
            gone = one.run("destroy", "--confirm", one.prefix)
            self.assertIn("stays", gone)
            self.assertEqual((self.status(one.prefix), self.status(f"{one.prefix}-network")), (None, None))
        self.assertEqual(secrets.get_secret_value(SecretId=f"{one.prefix}/report-secret")["SecretString"], secret)

    def test_one_that_died_half_way_is_refused_to_others_and_gone_on_with(self) -> None:
        one = self.environment('[network]\nNatGateway = "no"\n')
        running = subprocess.Popen(
            one.command("deploy", "--yes"), env=one.variables, cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + DEADLINE_S
        while self.status(f"{one.prefix}-network") is None and running.poll() is None:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        # No last word, as when the machine is switched off.
        self.assertIsNone(running.poll(), "it was done too soon")
        os.killpg(running.pid, signal.SIGKILL)
        running.communicate()
        self.assertIn(f"deployments/{one.prefix}/lock.json", self.objects(one.bucket))

        refused = one.deploy(code=1)
        self.assertRegex(refused, r"deploys: arn:aws:iam::000000000000:root on \S+ \(process \d+\), since 20")
        self.assertIn("Nothing was changed", refused)
        found = re.search(r"--break-lock (\S+)", refused)
        assert found is not None
        self.assertIn("the lock is another one's by now", one.deploy("--break-lock", "not-it", code=1))
        went_on = one.deploy("--break-lock", found[1])
        self.assertIn("broke off; this one goes on", went_on)
        self.assertEqual(self.status(one.prefix), "CREATE_COMPLETE")
        self.assertEqual([entry["is_finished"] for entry in self.journal(one)], [False, True])

    def test_a_stack_that_was_left_half_made_goes_on(self) -> None:
        one = self.environment()
        cloudformation = self.server.client("cloudformation")
        broken = {"Resources": {"Made": {"Type": "AWS::SNS::Topic"}, "Broken": {
            "Type": "AWS::EC2::Subnet", "Properties": {"VpcId": "vpc-none", "CidrBlock": "10.0.0.0/24"}}}}  # fmt: skip
        cloudformation.create_stack(StackName=one.prefix, TemplateBody=json.dumps(broken))
        deadline = time.monotonic() + DEADLINE_S
        while (status := self.status(one.prefix)) is None or status.endswith("IN_PROGRESS"):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertIn(status, ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"])
        plan = one.run("deploy", "--dry-run")
        self.assertIn(f"{one.prefix} is {status}: it is deleted, for its first creation failed", plan)
        one.deploy()
        self.assertEqual(self.status(one.prefix), "CREATE_COMPLETE")

    def test_a_broken_upload_is_noticed_and_repeated(self) -> None:
        one = self.environment()
        one.write(f'[fleet]\npackage = "{one.package}"\n{FLEET}')
        one.deploy()
        parameters = self.server.client("cloudformation").describe_stacks(StackName=f"{one.prefix}-fleet")["Stacks"][0]
        told = {one["ParameterKey"]: one["ParameterValue"] for one in parameters["Parameters"]}
        hash_of_it = hashlib.sha256(b"a package").hexdigest()
        key, s3 = f"artefacts/{hash_of_it}/package.tar.gz", self.server.client("s3")
        self.assertEqual((told["Package"], told["PackageSha256"]), (f"s3://{one.bucket}/{key}", hash_of_it))
        for broken in (b"a pack", b"x package"):
            s3.put_object(Bucket=one.bucket, Key=key, Body=broken)
            self.assertIn("the worker's package lies there broken, and is uploaded again", one.deploy())
            self.assertEqual(s3.get_object(Bucket=one.bucket, Key=key)["Body"].read(), b"a package")

        # A newer package, and back to this one.
        one.package.write_bytes(b"a newer package")
        self.assertIn("change LaunchTemplate", one.deploy())
        self.assertIn("back to", one.run("rollback", "--yes"))
        parameters = self.server.client("cloudformation").describe_stacks(StackName=f"{one.prefix}-fleet")["Stacks"][0]
        told = {one["ParameterKey"]: one["ParameterValue"] for one in parameters["Parameters"]}
        self.assertEqual(told["PackageSha256"], hash_of_it)
        self.assertIn("back to", one.run("rollback", "--list"))

    def test_what_an_update_would_delete_stops_it(self) -> None:
        one = self.environment('[network]\nNatGateway = "no"\n')
        one.deploy()
        folder = one.folder / "templates"
        folder.mkdir()
        for part in stacks.ORDER:
            (folder / f"{part}.yaml").write_text((ROOT / "infra" / f"{part}.yaml").read_text())
        network = (folder / "network.yaml").read_text()
        less = re.sub(r"\n  LogsEndpoint:\n(?:    .*\n)+", "\n", network)
        self.assertNotEqual(network, less)
        (folder / "network.yaml").write_text(less)
        one.write(f'templates = "{folder}"\n[network]\nNatGateway = "no"\n')
        refused = one.deploy(code=1)
        self.assertIn("DELETE LogsEndpoint (AWS::EC2::VPCEndpoint)", refused)
        self.assertIn("--allow-replacement", refused)
        one.deploy("--allow-replacement")
        resources = self.server.client("cloudformation").describe_stack_resources(StackName=f"{one.prefix}-network")
        self.assertNotIn("LogsEndpoint", [one["LogicalResourceId"] for one in resources["StackResources"]])

    def test_an_absent_output_is_named(self) -> None:
        one = self.environment()
        folder = one.folder / "templates"
        folder.mkdir()
        text = (ROOT / "infra" / "forebay.yaml").read_text()
        without = re.sub(r"\n  BucketName:\n    Description: Holds .*\n    Value: .*\n", "\n", text)
        self.assertNotEqual(text, without)
        (folder / "forebay.yaml").write_text(without)
        (folder / "alarms.yaml").write_text((ROOT / "infra" / "alarms.yaml").read_text())
        one.write(f'templates = "{folder}"\n[alarms]\n')
        stopped = one.deploy(code=1)
        self.assertIn(f"the stack {one.prefix} has no output BucketName, which the next part needs", stopped)
        self.assertIsNone(self.status(f"{one.prefix}-alarms"))
        self.assertNotIn(f"deployments/{one.prefix}/lock.json", self.objects(one.bucket))
        # With the output it goes on where it stopped.
        (folder / "forebay.yaml").write_text(text)
        one.deploy()
        self.assertEqual(self.status(f"{one.prefix}-alarms"), "CREATE_COMPLETE")

    def test_wrong_settings_are_all_told_at_once_and_nothing_is_asked(self) -> None:
        one = self.environment('[network]\nNatGatewayy = "no"\n[alarms]\nInFlightMessages = 5\n[edge]\ndomain = "x"\n')
        said = one.deploy(code=1)
        for part in (
            "edge.account: found nothing",
            'edge.domain: found "x"',
            "edge.kv_namespace: found nothing",
        ):
            self.assertIn(part, said)
        one.write('[network]\nNatGatewayy = "no"\n[alarms]\nInFlightMessages = 5\n')
        said = one.deploy(code=1)
        self.assertIn("network.NatGatewayy: found a name that it does not have", said)
        self.assertIn('alarms.InFlightMessages: found "5"; allowed is a whole number from 100 to 120000', said)
        one.file.unlink()
        self.assertIn("what to do: copy infra/environments/example.toml there", one.deploy(code=1))

    def test_credentials_of_another_account_and_expired_ones_are_refused(self) -> None:
        one = self.environment()
        one.file.write_text(one.file.read_text().replace("000000000000", "123456789012"))
        said = one.deploy(code=1)
        self.assertIn("these credentials are of the account 000000000000; the settings say 123456789012", said)

        class Expired(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                text = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token "
                text += "included in the request is expired</Message></Error><RequestId>r</RequestId></ErrorResponse>"
                self.send_response(403)
                self.send_header("Content-Type", "text/xml")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Expired) as played:
            threading.Thread(target=played.serve_forever, daemon=True).start()
            one.variables["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{played.server_port}"
            said = one.deploy(code=1)
            played.shutdown()
        self.assertIn("AWS GetCallerIdentity: ExpiredToken", said)
        self.assertIn("the credentials have expired: get new ones", said)

    def test_an_edge_is_deployed_rolled_out_sent_back_and_rolled_back(self) -> None:
        one = self.environment(EDGE)
        user = f"{one.prefix}-edge"
        rehearsed = one.run("deploy", "--dry-run")
        self.assertIn("~ objects    their classes are made", rehearsed)
        self.assertIn("wrangler takes code and configuration", rehearsed)

        # The first one whole, with all secrets in one version. One that wrangler refuses leaves no key behind.
        one.cloudflare(broken=["deploy"])
        self.assertIn("what to do: `npx wrangler login`", one.deploy(code=1))
        keys = self.server.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
        self.assertEqual(keys, [])
        one.cloudflare(broken=[])
        first = one.deploy()
        state = one.cloudflare()
        names = ["ADMIN_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "REPORT_SECRET"]
        self.assertEqual((state["shares"], state["secrets"]), ({"version-1": 100}, names))
        keys = self.server.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]
        self.assertEqual(len(keys), 1)
        secrets = self.server.client("secretsmanager")
        for name in ("report-secret", "admin-token"):
            value = secrets.get_secret_value(SecretId=f"{one.prefix}/{name}")["SecretString"]
            self.assertNotIn(value, first + json.dumps(state["calls"]))
        self.assertEqual(list((ROOT / ".run/deploy" / one.file.stem).glob("secrets*")), [])

        # The same again is no change.
        self.assertIn("= edge       this code and configuration has all the traffic", one.deploy())
        self.assertEqual(len(one.cloudflare()["versions"]), 1)

        # A new version that is not well gets none of the traffic for good.
        one.write(f'{EDGE}[edge.variables]\nJOB_RETENTION_DAYS = "6"\n')
        one.cloudflare(sick=["version-2"], calls=[])
        sick = one.deploy(code=1)
        self.assertIn("All traffic is back at version-1", sick)
        self.assertIn("REPORT_SECRET", sick)
        state = one.cloudflare()
        moved = [call for call in state["calls"] if call.startswith("versions deploy")]
        self.assertEqual(moved, ["versions deploy version-1@100 version-2@0 --yes", "versions deploy version-1@100 --yes"])
        self.assertFalse([call for call in state["calls"] if "--secrets-file" in call])

        # Mended, it goes on with what was uploaded.
        one.cloudflare(sick=[], calls=[])
        one.deploy()
        state = one.cloudflare()
        self.assertEqual((state["shares"], len(state["versions"])), ({"version-2": 100}, 2))
        self.assertIn("triggers deploy", state["calls"])

        # Back, but not past a migration.
        listed = one.run("rollback", "--list").splitlines()
        self.assertIn("broke off", listed[-2])
        one.cloudflare(tag="v9")
        self.assertIn("this checkout is older than what is deployed", one.deploy(code=1))
        self.assertIn("Cloudflare refuses to go back past that", one.run("rollback", "--yes", code=1))
        self.assertEqual(one.cloudflare()["shares"], {"version-2": 100})
        one.cloudflare(tag="v2")
        one.run("rollback", "--yes")
        self.assertEqual(one.cloudflare()["shares"], {"version-1": 100})

        # A class of objects that is new is said, and deployed at once.
        one.cloudflare(tag="v1", calls=[])
        self.assertIn("! objects    MIGRATION v2: classes are made, renamed or deleted", one.deploy())
        self.assertTrue([call for call in one.cloudflare()["calls"] if call.startswith("deploy --tag")])
        self.assertIn("WITH ALL ITS OBJECTS", one.run("destroy", "--confirm", one.prefix))
        self.assertEqual(one.cloudflare()["shares"], {})
        self.assertIsNone(self.status(one.prefix))

    def test_each_secret_is_rotated_by_one_command_that_goes_on_where_it_stopped(self) -> None:
        one = self.environment(EDGE)
        one.deploy()
        secrets, said = self.server.client("secretsmanager"), ""
        for what, edges in (("admin-token", "ADMIN_TOKEN"), ("report-secret", "REPORT_SECRET")):
            name, previous = f"{one.prefix}/{what}", f"{edges}_PREVIOUS"
            old = secrets.get_secret_value(SecretId=name)["SecretString"]
            # One that the edge does not get is nobody's.
            one.cloudflare(broken=["secret bulk"])
            self.assertIn("what to do: `npx wrangler login`", one.run("rotate", what, "--yes", code=1))
            self.assertEqual(secrets.get_secret_value(SecretId=name)["SecretString"], old)
            waiting = secrets.get_secret_value(SecretId=name, VersionStage="AWSPENDING")["SecretString"]
            one.cloudflare(broken=[])
            said += one.run("rotate", what, "--yes")
            new = secrets.get_secret_value(SecretId=name)["SecretString"]
            self.assertEqual(new, waiting)
            self.assertNotEqual(new, old)
            self.assertEqual([one.hashes()[edges], one.hashes()[previous]], [hashed(new), hashed(old)])
            ended = one.run("rotate", what, "--yes")
            self.assertIn(f"the old {edges} has ended", ended)
            self.assertNotIn(previous, one.cloudflare()["secrets"])
            self.assertEqual(secrets.get_secret_value(SecretId=name)["SecretString"], new)
            # After a leak the old one is taken no longer, from the first moment.
            one.run("rotate", what, "--yes", "--leaked")
            newest = secrets.get_secret_value(SecretId=name)["SecretString"]
            self.assertNotIn(previous, one.cloudflare()["secrets"])
            self.assertEqual(one.hashes()[edges], hashed(newest))
            for value in (old, new, newest):
                self.assertNotIn(value, said + ended + json.dumps(one.cloudflare()["calls"]))

    def test_the_access_key_ends_when_the_edge_has_another(self) -> None:
        one = self.environment(EDGE)
        one.deploy()
        user, iam = f"{one.prefix}-edge", self.server.client("iam")

        def keys() -> list[str]:
            return [key["AccessKeyId"] for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]]

        [first] = keys()
        one.cloudflare(broken=["secret bulk"])
        one.run("rotate", "access-key", "--yes", code=1)
        [lost] = set(keys()) - {first}
        one.cloudflare(broken=[])
        self.assertIn(f"{lost} was made and perhaps never sent", one.run("rotate", "access-key", "--yes", "--leaked"))
        [second] = keys()
        self.assertNotIn(second, (first, lost))
        self.assertEqual(one.hashes()["AWS_ACCESS_KEY_ID"], hashed(second))
        iam.create_access_key(UserName=user)
        self.assertIn("this command made none of them", one.run("rotate", "access-key", "--yes", code=1))
        self.assertEqual(one.hashes()["AWS_ACCESS_KEY_ID"], hashed(second))

    def test_nobody_at_a_terminal_is_asked_in_vain(self) -> None:
        one = self.environment()
        self.assertIn("run it with --yes", one.run("deploy", code=1))
        self.assertIsNone(self.status(one.prefix))


if __name__ == "__main__":
    unittest.main()
