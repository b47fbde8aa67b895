"""Plays a script of calls with a real client and checks the answers: boto3, the aws CLI, the SDK for JavaScript or Rust.

    play.py CLIENT SCRIPT.json

A step calls an operation (`call`) or goes through all pages of one (`pages`, `size` items each, all items of `member`).
`input` and expectations may name `${words}` of words.json and of earlier answers (`save`: name → path in the answer).
`expect` must be contained in the answer: lists have equal length, "*" is anything. `until` is asked for again and again
until it is contained. `error` is the code of the error that must come instead. `except` names clients to leave it out for.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

from server import Server

FOLDER = pathlib.Path(__file__).resolve().parent
DEADLINE_SECONDS = 60
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class Refused(Exception):
    """An error of the API, by its code."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


class Boto3:
    """The SDK for Python."""

    name = "boto3"

    def __init__(self, url):
        import boto3
        from botocore.config import Config

        # Values are to be refused by the server, not by the SDK.
        self.config = Config(inject_host_prefix=False, parameter_validation=False, retries={"total_max_attempts": 1})
        self.session, self.url, self.clients = boto3.session.Session(), url, {}

    def client(self, service):
        if service not in self.clients:
            self.clients[service] = self.session.client(service, endpoint_url=self.url, config=self.config)
        return self.clients[service]

    def call(self, service, operation, given):
        return self.asked(lambda: getattr(self.client(service), snake(operation))(**given))

    def pages(self, service, operation, given, size, member):
        paginator = self.client(service).get_paginator(snake(operation))
        pages = paginator.paginate(**given, PaginationConfig={"PageSize": size})
        return self.asked(lambda: [item for page in pages for item in page[member]])

    def asked(self, ask):
        from botocore.exceptions import ClientError

        try:
            return ask()
        except ClientError as error:
            raise Refused(error.response["Error"]["Code"], error.response["Error"]["Message"]) from None


class Cli:
    """The command line. It goes through all pages by itself."""

    name = "cli"

    def __init__(self, url):
        self.environment = {**os.environ, "AWS_DISABLE_HOST_PREFIX_INJECTION": "true", "AWS_MAX_ATTEMPTS": "1"}
        self.environment["AWS_PAGER"] = ""
        self.environment |= {f"AWS_ENDPOINT_URL_{service}": url for service in ("SFN", "STS", "IAM")}

    def call(self, service, operation, given, *more):
        command = [os.environ["AWS_CLI"], service, snake(operation).replace("_", "-"), "--output", "json"]
        command += ["--cli-input-json", json.dumps(given)]
        ran = subprocess.run([*command, *more], env=self.environment, capture_output=True, text=True, check=False)
        if ran.returncode == 0:
            return json.loads(ran.stdout or "{}")
        error = re.search(r"An error occurred \((\w+)\) when calling the \w+ operation[^:]*: (.*)", ran.stderr, re.DOTALL)
        if not error:
            raise AssertionError(f"{' '.join(command)}\n{ran.stderr}")
        raise Refused(*error.groups())

    def pages(self, service, operation, given, size, member):
        return self.call(service, operation, given, "--page-size", str(size))[member]


class Lines:
    """A process that reads calls, a line each, and writes answers."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.name} has ended; asked: {question}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"], answer["message"])
        return answer["answer"]

    def call(self, service, operation, given):
        return self.ask({"operation": operation, "input": given})

    def pages(self, service, operation, given, size, member):
        return self.ask({"operation": operation, "input": given, "size": size, "member": member})


class JavaScript(Lines):
    """The SDK for JavaScript."""

    name = "js"

    def __init__(self, url):
        super().__init__(["node", str(FOLDER / "calls.mjs"), url])


class Rust(Lines):
    """The SDK for Rust. Its `sync-` before the host lands in the user part of the address."""

    name = "rust"

    def __init__(self, url):
        super().__init__([os.environ["SDK_CLIENT"], url.replace("//", "//x@")])


def snake(operation):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


def filled(value, words):
    """The value with its `${words}` replaced."""
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda found: words[found.group(1)], value)
    if isinstance(value, dict):
        return {key: filled(inner, words) for key, inner in value.items()}
    return [filled(inner, words) for inner in value] if isinstance(value, list) else value


def contains(answer, expected):
    if expected == "*":
        return answer is not None
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(contains(answer.get(key), inner) for key, inner in expected.items())
    if isinstance(expected, list):
        same_length = isinstance(answer, list) and len(answer) == len(expected)
        return same_length and all(contains(one, two) for one, two in zip(answer, expected))
    return answer == expected


def at(answer, path):
    for part in path.split("."):
        answer = answer[int(part)] if isinstance(answer, list) else answer[part]
    return answer


def perform(client, step, words):
    """One call, or all pages of one."""
    service, given = step.get("service", "stepfunctions"), filled(step.get("input", {}), words)
    if "pages" in step:
        return client.pages(service, step["pages"], given, step["size"], step["member"])
    return client.call(service, step["call"], given)


def play(client, step, words):
    """Plays a step. Gives what is wrong, `None` when nothing is."""
    end = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            answer = perform(client, step, words)
        except Refused as refused:
            return None if refused.code == step.get("error") else f"refused with {refused}"
        if "error" in step:
            return f"was not refused: {answer}"
        if contains(answer, filled(step.get("until", {}), words) if "call" in step else "*"):
            break
        if time.monotonic() > end:
            return f"after {DEADLINE_SECONDS} s still: {answer}"
        time.sleep(0.02)
    expected = filled(step.get("expect", {} if "call" in step else []), words)
    if not contains(answer, expected):
        return f"answers {answer}\nand not        {expected}"
    words.update({name: at(answer, path) for name, path in step.get("save", {}).items()})
    return None


def check_coverage(client, steps):
    """A script that is not about a tool has to call every operation there is."""
    named = {step.get("call") or step.get("pages") for step in steps}
    missing = set(client.client("stepfunctions").meta.service_model.operation_names) - named
    if missing and any("pages" in step for step in steps):
        sys.exit(f"no step calls {', '.join(sorted(missing))}")


def main():
    client_name, script = sys.argv[1], FOLDER / sys.argv[2]
    os.environ.update(CREDENTIALS | {"NODE_NO_WARNINGS": "1"})
    steps = json.loads(script.read_text())
    words = json.loads((FOLDER / "words.json").read_text())
    begun = time.monotonic()
    played = 0
    with Server() as server:
        client = {kind.name: kind for kind in (Boto3, Cli, JavaScript, Rust)}[client_name](server.url)
        if client_name == "boto3":
            check_coverage(client, steps)
        for number, step in enumerate(steps):
            if "note" in step or client_name in step.get("except", []):
                continue
            fault = play(client, step, words)
            if fault:
                sys.exit(f"{script.name}, step {number}, {client_name}: {json.dumps(step)}\n{fault}\n{server.log_text()}")
            played += 1
    print(f"{client_name}: {script.name}: {played} steps in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
