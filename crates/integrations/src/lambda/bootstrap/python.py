"""Runs one Python function of AWS Lambda's kind in this process, over the Lambda Runtime API. Standard library only."""
import decimal
import http.client
import importlib
import json
import logging
import os
import sys
import time
import traceback

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
TASK_ROOT = os.environ["LAMBDA_TASK_ROOT"]
BASE = "/2018-06-01/runtime"


class RuntimeApi:
    """One kept-alive connection to the Runtime API."""

    def __init__(self):
        self.connection = http.client.HTTPConnection(API)

    def call(self, method, path, body=None, headers=None):
        """Sends one request; gives the headers and the body of the answer."""
        self.connection.request(method, BASE + path, body, headers or {})
        answer = self.connection.getresponse()
        return answer.headers, answer.read()

    def fail(self, path, error):
        """Reports an error (`error` is the payload that the caller of the function gets)."""
        headers = {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": error["errorType"]}
        self.call("POST", path, dump(error), headers)


class Fault(Exception):
    """An error that the runtime itself reports, such as a module that cannot be imported."""

    def __init__(self, error_type, message, stack=()):
        super().__init__(message)
        self.error_type, self.stack = error_type, list(stack)


class Identity:
    """The Cognito identity of a caller: nobody, here."""

    cognito_identity_id = None
    cognito_identity_pool_id = None


class Context:
    """What a handler is given as its second argument."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = Identity()
        self.client_context = client_context(headers.get("Lambda-Runtime-Client-Context"))
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        """Milliseconds until the function times out, never below 0."""
        return max(self._deadline_ms - int(time.time() * 1000), 0)

    def log(self, message):
        """Writes to the log without a line end of its own."""
        sys.stdout.write(str(message))


def client_context(text):
    """The caller's client context as an object with attributes, or None."""
    if not text:
        return None
    data = json.loads(text)
    client = type("Client", (), dict.fromkeys(
        ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")))()
    for key, value in (data.get("client") or {}).items():
        setattr(client, key, value)
    return type("ClientContext", (), {"client": client, "custom": data.get("custom"), "env": data.get("env")})()


def plain(value):
    """Gives JSON's form of what json does not know."""
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def dump(value):
    """JSON text with Lambda's spacing. From Python 3.12 on, Lambda's runtime leaves letters beyond ASCII as they are."""
    return json.dumps(value, default=plain, ensure_ascii=sys.version_info < (3, 12)).encode()


def as_in_lambda(path):
    """A file of the function by the path that it has in Lambda, so that no folder of this machine gets into a history."""
    return "/var/task" + path[len(TASK_ROOT):] if path.startswith(TASK_ROOT + os.sep) else path


def stack_of(error):
    """The lines of a traceback below this file, as Lambda writes them."""
    frames = list(traceback.extract_tb(error.__traceback__))
    while frames and (frames[0].filename == __file__ or "importlib" in frames[0].filename):
        frames.pop(0)
    return traceback.format_list([(as_in_lambda(f.filename), f.lineno, f.name, f.line) for f in frames])


def payload_of(error, request_id):
    """The payload for an exception: exactly these keys in this order."""
    fault = isinstance(error, Fault)
    return {
        "errorMessage": str(error),
        "errorType": error.error_type if fault else type(error).__name__,
        "requestId": request_id,
        "stackTrace": error.stack if fault else stack_of(error),
    }


def load(handler):
    """Imports the module of a handler such as `app.handler` and gives the function."""
    try:
        module_name, function_name = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", f"Bad handler '{handler}': {error}") from None
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        traceback.print_exc()
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from None
    except SyntaxError as error:
        where = f'  File "{as_in_lambda(error.filename or "")}" Line {error.lineno}\n    {(error.text or "").strip()}\n'
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}", [where]) from None
    function = getattr(module, function_name, None)
    if function is None:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return function


def answer_of(function, event_text, context):
    """Calls the function and gives the bytes of its answer."""
    try:
        event = json.loads(event_text)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
    result = function(event, context)
    if isinstance(result, bytes):
        return result
    try:
        return dump(result)
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def log_error(error):
    """Writes an exception to the log, with the real paths of this machine."""
    print(f"[ERROR] {type(error).__name__}: {error}", file=sys.stderr)
    traceback.print_exception(type(error), error, error.__traceback__, file=sys.stderr)


class WithRequestId(logging.Filter):
    """Adds the running request's id to log records."""

    request_id = ""

    def filter(self, record):
        record.aws_request_id = self.request_id
        return True


def install_logging():
    """Gives the root logger the handler that functions in Lambda find there; its level stays WARNING."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(WithRequestId())
    logging.getLogger().addHandler(handler)


def serve(api, function):
    """Asks for an event, answers it, and so on for ever."""
    while True:
        headers, event_text = api.call("GET", "/invocation/next")
        request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        WithRequestId.request_id = request_id
        os.environ["_X_AMZN_TRACE_ID"] = headers.get("Lambda-Runtime-Trace-Id", "")
        try:
            answer = answer_of(function, event_text, Context(headers))
        except Exception as error:  # whatever the function raises is its answer
            log_error(error)
            api.fail(f"/invocation/{request_id}/error", payload_of(error, request_id))
            continue
        finally:
            sys.stdout.flush()
        api.call("POST", f"/invocation/{request_id}/response", answer, {"Content-Type": "application/json"})


def main():
    """Loads the function; an error while loading is reported as Lambda does, and ends the process."""
    sys.path[0] = TASK_ROOT
    sys.argv = [os.environ["_HANDLER"]]
    install_logging()
    api = RuntimeApi()
    try:
        function = load(os.environ["_HANDLER"])
    except Exception as error:
        log_error(error)
        api.fail("/init/error", payload_of(error, ""))
        sys.exit(1)
    try:
        serve(api, function)
    except (ConnectionError, http.client.HTTPException):
        sys.exit(0)  # the server is gone


main()
