// Runs one Node.js function of AWS Lambda's kind in this process, over the Lambda Runtime API. Standard library only.
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { pathToFileURL } from "node:url";

const BASE = "/2018-06-01/runtime";
const TASK_ROOT = process.env.LAMBDA_TASK_ROOT;
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

/** The request that is being answered; empty while the function is loaded. */
let requestId = "";

/** An error that the runtime itself reports, such as a module that cannot be imported. */
class Fault extends Error {
  constructor(name, message, stack) {
    super(message);
    this.name = name;
    if (stack) this.stack = `${name}: ${message}\n${stack.split("\n").slice(1).join("\n")}`;
  }
}

/** Sends one request to the Runtime API; gives the headers and the text of the answer. */
function call(method, where, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const data = body === undefined ? undefined : Buffer.from(body);
    if (data) headers = { ...headers, "Content-Type": "application/json", "Content-Length": data.length };
    const request = http.request({ host, port, agent, method, path: BASE + where, headers }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ headers: answer.headers, text: Buffer.concat(parts).toString("utf8") }));
      answer.on("error", reject);
    });
    request.on("error", reject);
    request.end(data);
  });
}

/** Files of the function by the path that they have in Lambda, so that no folder of this machine gets into a history. */
function asInLambda(line) {
  return line.split(pathToFileURL(TASK_ROOT + path.sep).href).join("file:///var/task/").split(TASK_ROOT + path.sep).join("/var/task/");
}

/** The payload for whatever was thrown: Lambda's keys in Lambda's order. */
function payloadOf(error) {
  if (!(error instanceof Error) && !(error && typeof error.stack === "string")) {
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  }
  const trace = String(error.stack ?? "").split("\n").map(asInLambda);
  const extra = error.reason === undefined ? {} : { reason: error.reason, promise: {} };
  return { errorType: error.name, errorMessage: error.message, ...extra, trace };
}

/** Reports an error of the running request, or of loading the function. */
async function fail(error) {
  console.error(`[ERROR] ${error?.stack ?? error}`);
  const payload = payloadOf(error);
  const where = requestId ? `/invocation/${requestId}/error` : "/init/error";
  const type = String(payload.errorType).replace(/[^\x20-\x7e]/g, "?");
  await call("POST", where, JSON.stringify(payload), { "Lambda-Runtime-Function-Error-Type": type });
}

/** Finds the file of a handler's module. */
function fileOf(handler, modulePath) {
  for (const ending of ["", ".js", ".mjs", ".cjs"]) {
    const file = path.resolve(TASK_ROOT, modulePath + ending);
    if (fs.existsSync(file) && fs.statSync(file).isFile()) return file;
  }
  throw new Fault("Runtime.ImportModuleError", `Error: Cannot find module '${path.basename(modulePath)}'`);
}

/** Imports the module of a handler such as `index.handler` and gives the function. */
async function load(handler) {
  const base = path.basename(handler);
  const dot = base.indexOf(".");
  if (dot <= 0 || dot === base.length - 1) throw new Fault("Runtime.MalformedHandlerName", "Bad handler");
  const file = fileOf(handler, path.join(path.dirname(handler), base.slice(0, dot)));
  let module;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    if (error instanceof SyntaxError) throw new Fault("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`, error.stack);
    if (/^(ERR_)?MODULE_NOT_FOUND$/.test(error?.code ?? "")) {
      throw new Fault("Runtime.ImportModuleError", `Error: ${asInLambda(error.message)}`, error.stack);
    }
    throw error;
  }
  return functionOf(module, base.slice(dot + 1).split("."), handler);
}

/** Follows the names of a handler within a module, or within what a CommonJS module exports. */
function functionOf(module, names, handler) {
  for (const root of [module, module.default]) {
    let found = root;
    for (const name of names) found = found?.[name];
    if (typeof found === "function") return found;
    if (found !== undefined) throw new Fault("Runtime.HandlerNotFound", `${handler} is not a function`);
  }
  throw new Fault("Runtime.HandlerNotFound", `${handler} is undefined or not exported`);
}

/** What a handler is given as its second argument; `done` ends the request. */
function contextOf(headers, done) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  const clientContext = headers["lambda-runtime-client-context"];
  return {
    awsRequestId: requestId,
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: clientContext ? JSON.parse(clientContext) : undefined,
    identity: undefined,
    callbackWaitsForEmptyEventLoop: true,
    getRemainingTimeInMillis: () => Math.max(deadline - Date.now(), 0),
    done,
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? new Error("handled")),
  };
}

/** Calls an async or a callback-style handler; gives its result when it has one. */
function run(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let finish = () => resolve(null);
    const atEmptyLoop = () => finish();
    const settle = (action) => {
      process.removeListener("beforeExit", atEmptyLoop);
      action();
    };
    let context;
    const callback = (error, result) => {
      if (error !== undefined && error !== null) return settle(() => reject(error));
      if (context.callbackWaitsForEmptyEventLoop === false) return settle(() => resolve(result));
      finish = () => resolve(result);
    };
    context = contextOf(headers, (error, result) => {
      context.callbackWaitsForEmptyEventLoop = false;
      callback(error, result);
    });
    process.once("beforeExit", atEmptyLoop);
    try {
      const returned = handler(event, context, callback);
      if (typeof returned?.then === "function") settle(() => returned.then(resolve, reject));
    } catch (error) {
      settle(() => reject(error));
    }
  });
}

/** The text of a result. */
function textOf(result) {
  try {
    return JSON.stringify(result === undefined ? null : result) ?? "null";
  } catch {
    throw new Error("Unable to stringify response body");
  }
}

/** Asks for an event, answers it, and so on for ever. Ends when the server is gone. */
async function serve(handler) {
  for (;;) {
    const { headers, text } = await call("GET", "/invocation/next");
    requestId = headers["lambda-runtime-aws-request-id"];
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
    let answer;
    try {
      answer = textOf(await run(handler, JSON.parse(text), headers));
    } catch (error) {
      await fail(error);
      continue;
    }
    await call("POST", `/invocation/${requestId}/response`, answer);
  }
}

/** Reports what nobody caught, and ends the process as Lambda's runtime does. */
async function die(error, status) {
  try {
    await fail(error);
  } finally {
    process.exit(status);
  }
}

process.on("uncaughtException", (error) => die(error, 129));
process.on("unhandledRejection", (reason) => {
  const error = new Fault("Runtime.UnhandledPromiseRejection", String(reason), reason?.stack);
  error.reason = payloadOf(reason);
  die(error, 128);
});

// Without a top-level await: Node would end the process when a callback-style handler leaves the event loop empty.
load(process.env._HANDLER).then(
  (handler) => serve(handler).catch(() => process.exit(0)),
  (error) => die(error, 1),
);
