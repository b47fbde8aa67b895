"""The ways to point a client at the server: each must reach the operations that it is said to reach.

Two operations, StartSyncExecution and TestState, get `sync-` before their host by every SDK; a way reaches them only when
the prefix is switched off, or ends where it does no harm. What needs names in /etc/hosts is not tried here.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from play import CREDENTIALS
from server import Server

FOLDER = pathlib.Path(__file__).resolve().parent
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:quick"
DEFINITION = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
LIST = [("ListStateMachines", {})]
ALL = [
    *LIST,
    ("StartSyncExecution", {"stateMachineArn": MACHINE}),
    ("TestState", {"definition": '{"Type": "Pass", "End": true}', "roleArn": "arn:aws:iam::123456789012:role/any"}),
]
PYTHON = """
import json, re, sys, boto3
client = boto3.client("stepfunctions")
for operation, given in json.loads(sys.argv[1]):
    getattr(client, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())(**given)
"""
PROFILE = """[profile here]
services = here
region = us-east-1
aws_access_key_id = test
aws_secret_access_key = test
{more}
[services here]
sfn =
  endpoint_url = {url}
"""
OFF = {"AWS_DISABLE_HOST_PREFIX_INJECTION": "true"}


def ways(port, folder):
    """Name, environment, clients, and the operations that are reached."""
    url = f"http://127.0.0.1:{port}"
    profile, prefixless = folder / "profile", folder / "prefixless"
    profile.write_text(PROFILE.format(url=url, more=""))
    prefixless.write_text(PROFILE.format(url=url, more="disable_host_prefix_injection = true"))
    at = lambda url, **more: {"AWS_ENDPOINT_URL_SFN": url, **more}
    proxy = {"HTTP_PROXY": url, "http_proxy": url, "NO_PROXY": "", "no_proxy": ""}
    return [
        ("the address", at(url), ["boto3", "cli", "js"], LIST),
        ("AWS_ENDPOINT_URL", {"AWS_ENDPOINT_URL": url}, ["boto3", "js"], LIST),
        ("the prefix switched off", at(url, **OFF), ["boto3", "cli"], ALL),
        ("a user part", at(f"http://x@127.0.0.1:{port}"), ["boto3", "cli"], ALL),
        ("a path", at(f"{url}/aws"), ["boto3", "js"], LIST),
        ("a path, the prefix switched off", at(f"{url}/aws/", **OFF), ["boto3"], ALL),
        ("a profile", {"AWS_CONFIG_FILE": str(profile), "AWS_PROFILE": "here"}, ["boto3", "js"], LIST),
        ("a profile without prefixes", {"AWS_CONFIG_FILE": str(prefixless), "AWS_PROFILE": "here"}, ["boto3"], ALL),
        ("the server as proxy", at("http://stepwell.internal", **proxy), ["boto3"], ALL),
    ]


def run(command, environment, text=""):
    ran = subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=False, timeout=60)
    return ran.returncode == 0, ran.stdout + ran.stderr


def reached(client, operations, environment):
    """Whether a client reaches the operations; and what it says."""
    if client == "boto3":
        return run([sys.executable, "-c", PYTHON, json.dumps(operations)], environment)
    if client == "js":
        lines = [json.dumps({"operation": name, "input": given}) for name, given in operations]
        _, told = run(["node", str(FOLDER / "calls.mjs")], environment, "\n".join(lines))
        return told.count('{"answer":') == len(operations), told
    for name, given in operations:
        option = "".join("-" + letter.lower() if letter.isupper() else letter for letter in name).lstrip("-")
        command = [os.environ["AWS_CLI"], "stepfunctions", option, "--cli-input-json", json.dumps(given)]
        ok, told = run(command, environment)
        if not ok:
            return ok, told
    return True, ""


def main():
    begun, faults, tried = time.monotonic(), [], 0
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AWS_") or key == "AWS_CLI"}
    clean |= CREDENTIALS | {"NODE_NO_WARNINGS": "1", "AWS_MAX_ATTEMPTS": "1", "AWS_PAGER": ""}
    with Server() as server, tempfile.TemporaryDirectory() as folder:
        made = {"name": "quick", "definition": DEFINITION, "roleArn": "arn:aws:iam::123456789012:role/any", "type": "EXPRESS"}
        ok, told = reached("boto3", [("CreateStateMachine", made)], clean | {"AWS_ENDPOINT_URL_SFN": server.url})
        assert ok, told
        for name, environment, clients, operations in ways(server.port, pathlib.Path(folder)):
            for client in clients:
                ok, told = reached(client, operations, clean | environment)
                tried += 1
                if not ok:
                    faults.append(f"{name}, {client}: {told}")
    if faults:
        sys.exit("endpoints:\n" + "\n".join(faults))
    print(f"endpoints: {tried} ways in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
