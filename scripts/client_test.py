"""What the README promises, done with a real AWS SDK against the built server: the examples, the tour, a crash.

Run by scripts/test with a Python that has boto3. STEPWELL names the binary.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import boto3
from botocore.config import Config

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent / "examples"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:"
ROLE = "arn:aws:iam::123456789012:role/any"
DEADLINE_SECONDS = 60


def until(what, question):
    """Asks until the answer is true; gives it."""
    end = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < end:
        answer = question()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"waited {DEADLINE_SECONDS} s for {what}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """`stepwell dev examples` with a data folder of its own."""

    def __init__(self):
        self.work = tempfile.TemporaryDirectory(prefix="stepwell-client-")
        # The examples keep what they remember (stock, approvals) in the temporary folder.
        self.environment = {**os.environ, "TMPDIR": self.work.name, "NO_COLOR": "1"}
        self.port = free_port()
        self.process = None
        self.client = boto3.client(
            "stepfunctions",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(inject_host_prefix=False, retries={"mode": "standard", "total_max_attempts": 5}),
        )

    def start(self):
        data = str(pathlib.Path(self.work.name) / "data")
        listen = f"127.0.0.1:{self.port}"
        command = [os.environ["STEPWELL"], "dev", str(EXAMPLES), "--data", data, "--listen", listen]
        self.log = open(pathlib.Path(self.work.name) / "server.log", "ab")
        self.process = subprocess.Popen(command, env=self.environment, stdout=self.log, stderr=self.log)
        until("the server's port", self.answers)

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server has ended with {self.process.returncode}:\n{self.log_text()}")
        try:
            socket.create_connection(("127.0.0.1", self.port), 0.5).close()
            return True
        except OSError:
            return False

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(DEADLINE_SECONDS)
        self.log.close()

    def log_text(self):
        return (pathlib.Path(self.work.name) / "server.log").read_text(errors="replace")[-4000:]


SERVER = Server()


def setUpModule():
    SERVER.start()
    wanted = {folder.name for folder in EXAMPLES.iterdir() if (folder / "inputs").is_dir()}
    until("the examples", lambda: wanted <= {m["name"] for m in SERVER.client.list_state_machines()["stateMachines"]})


def tearDownModule():
    SERVER.end(signal.SIGTERM)
    if SERVER.process.returncode != 0:
        raise AssertionError(f"SIGTERM ended the server with {SERVER.process.returncode}:\n{SERVER.log_text()}")


def start(machine, text):
    return SERVER.client.start_execution(stateMachineArn=MACHINE + machine, input=text)["executionArn"]


def described(arn):
    return SERVER.client.describe_execution(executionArn=arn)


def ended(arn):
    return until(f"the end of {arn}", lambda: (d := described(arn))["status"] != "RUNNING" and d)


def history(arn, **options):
    pages = SERVER.client.get_paginator("get_execution_history").paginate(executionArn=arn, **options)
    return [event for page in pages for event in page["events"]]


def token_of(expense):
    """The token that `request-approval` wrote for a human."""
    file = pathlib.Path(SERVER.work.name) / "stepwell-examples" / "approvals" / f"{expense}.json"
    return until("the token", lambda: file.exists() and file.read_text() and json.loads(file.read_text())["taskToken"])


class Examples(unittest.TestCase):
    def test_every_input_ends_as_expected(self):
        started = []
        for expected in sorted(EXAMPLES.glob("*/expected.json")):
            for name, outcome in json.loads(expected.read_text()).items():
                text = (expected.parent / "inputs" / f"{name}.json").read_text()
                started.append((expected.parent.name, name, outcome, start(expected.parent.name, text)))
        for machine, name, outcome, arn in started:
            with self.subTest(machine=machine, input=name):
                if outcome["status"] == "RUNNING":
                    self.assertEqual(described(arn)["status"], "RUNNING")
                    SERVER.client.stop_execution(executionArn=arn, error="Enough", cause="the test is over")
                    self.assertEqual((described(arn)["status"], described(arn)["error"]), ("ABORTED", "Enough"))
                    continue
                found = ended(arn)
                self.assertEqual(found["status"], outcome["status"], found.get("cause"))
                self.assertEqual(found.get("error"), outcome.get("error"))


class Tour(unittest.TestCase):
    def test_a_machine_of_ones_own(self):
        definition = {
            "StartAt": "Greet",
            "States": {
                "Greet": {
                    "Type": "Pass",
                    "Parameters": {"greeting.$": "States.Format('Hello, {}!', $.name)"},
                    "End": True,
                }
            },
        }
        text = json.dumps(definition)
        SERVER.client.create_state_machine(name="hello", definition=text, roleArn=ROLE)
        arn = start("hello", '{"name": "Ada"}')
        self.assertEqual(json.loads(ended(arn)["output"]), {"greeting": "Hello, Ada!"})
        types = [event["type"] for event in history(arn, PaginationConfig={"PageSize": 1})]
        expected = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
        self.assertEqual(types, expected)
        self.assertEqual([event["type"] for event in history(arn, reverseOrder=True)], expected[::-1])
        self.assertEqual(SERVER.client.describe_state_machine(stateMachineArn=MACHINE + "hello")["definition"], text)

    def test_an_express_machine_answers_at_once(self):
        definition = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
        arn = SERVER.client.create_state_machine(name="now", definition=definition, roleArn=ROLE, type="EXPRESS")
        answer = SERVER.client.start_sync_execution(stateMachineArn=arn["stateMachineArn"], input="[1, 2]")
        self.assertEqual((answer["status"], answer["output"]), ("SUCCEEDED", "[1, 2]"))

    def test_errors_are_those_of_the_sdk(self):
        with self.assertRaises(SERVER.client.exceptions.StateMachineDoesNotExist):
            start("nobody", "{}")
        with self.assertRaises(SERVER.client.exceptions.InvalidDefinition):
            SERVER.client.create_state_machine(name="bad", definition='{"StartAt": "A"}', roleArn=ROLE)
        with self.assertRaises(SERVER.client.exceptions.InvalidToken):
            SERVER.client.send_task_success(taskToken="no token", output="{}")

    def test_an_activity(self):
        activity = SERVER.client.create_activity(name="by-hand")["activityArn"]
        state = {"Type": "Task", "Resource": activity, "TimeoutSeconds": 60, "End": True}
        definition = json.dumps({"StartAt": "Ask", "States": {"Ask": state}})
        SERVER.client.create_state_machine(name="asks", definition=definition, roleArn=ROLE)
        arn = start("asks", '{"question": 6}')
        task = SERVER.client.get_activity_task(activityArn=activity, workerName="test")
        self.assertEqual(json.loads(task["input"]), {"question": 6})
        SERVER.client.send_task_heartbeat(taskToken=task["taskToken"])
        SERVER.client.send_task_success(taskToken=task["taskToken"], output="42")
        self.assertEqual(ended(arn)["output"], "42")


class Crash(unittest.TestCase):
    def test_what_was_acknowledged_survives_a_kill(self):
        waits = '{"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3, "Next": "P"}, "P": {"Type": "Pass", "End": true}}}'
        SERVER.client.create_state_machine(name="waits", definition=waits, roleArn=ROLE)
        asked = json.loads((EXAMPLES / "expense-approval" / "inputs" / "ask.json").read_text())
        asked["expense"]["id"] = "E-kill"
        approval = start("expense-approval", json.dumps(asked))
        waiting = [start("waits", json.dumps(number)) for number in range(20)]
        token = token_of("E-kill")

        SERVER.end(signal.SIGKILL)
        SERVER.start()

        self.assertEqual(described(approval)["status"], "RUNNING")
        SERVER.client.send_task_success(taskToken=token, output='{"approved": true, "by": "ada@example.com"}')
        found = ended(approval)
        self.assertEqual(found["status"], "SUCCEEDED", found.get("cause"))
        for number, arn in enumerate(waiting):
            self.assertEqual(ended(arn)["output"], str(number))
            self.assertEqual([event["id"] for event in history(arn)], [1, 2, 3, 4, 5, 6])
        with self.assertRaises(SERVER.client.exceptions.TaskTimedOut):
            SERVER.client.send_task_success(taskToken=token, output="{}")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[1:]])
