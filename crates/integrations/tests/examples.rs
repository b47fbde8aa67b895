//! The functions and definitions in `examples/`: that they fit together, and that every function does what its workflow relies on.

// Helpers of tests are tests, too; clippy's exception covers only the functions marked `#[test]`.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};
use stepwell_integrations::lambda::{
    FunctionLogs, FunctionRef, InvokeOptions, LocalFunctions, LocalOptions, Place, discover,
};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn json_of(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Gives the folders that hold an example, by name.
fn folders() -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(examples()).unwrap().flatten().filter(|entry| entry.path().is_dir());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path())).collect()
}

/// Visits every state, also those within Parallel and Map.
fn visit(block: &Value, see: &mut impl FnMut(&str, &Value)) {
    for (name, state) in block["States"].as_object().unwrap() {
        see(name, state);
        for branch in state["Branches"].as_array().into_iter().flatten() {
            visit(branch, see);
        }
        if state.get("ItemProcessor").is_some() {
            visit(&state["ItemProcessor"], see);
        }
    }
}

/// Gives the function that a Task calls.
fn function_of(state: &Value) -> String {
    let resource = state["Resource"].as_str().unwrap();
    let arn = if resource.starts_with("arn:aws:states:::lambda:invoke") {
        state["Parameters"]["FunctionName"].as_str().unwrap()
    } else {
        resource
    };
    FunctionRef::parse(arn, &Place::default()).unwrap().name
}

#[test]
fn definitions_call_declared_functions_with_a_timeout() {
    let declared: BTreeSet<String> = discover(&examples()).unwrap().into_iter().map(|spec| spec.name).collect();
    let mut called = BTreeSet::new();
    for (name, folder) in folders() {
        let definition = json_of(&folder.join(format!("{name}.asl.json")));
        assert_eq!(definition.as_object().unwrap().keys().next().unwrap(), "Comment", "{name}");
        visit(&definition, &mut |state_name, state| {
            if state["Type"] == "Task" {
                assert!(state["TimeoutSeconds"].is_u64(), "{name}: {state_name} has no TimeoutSeconds");
                called.insert(function_of(state));
            }
        });
    }
    assert_eq!(called, declared, "called by definitions, and declared");
}

#[test]
fn every_input_has_an_expectation() {
    for (name, folder) in folders() {
        let expected: BTreeSet<String> =
            json_of(&folder.join("expected.json")).as_object().unwrap().keys().cloned().collect();
        let inputs = fs::read_dir(folder.join("inputs")).unwrap().flatten();
        let inputs: BTreeSet<String> =
            inputs.map(|entry| entry.path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
        assert_eq!(inputs, expected, "{name}");
        let readme = fs::read_to_string(folder.join("README.md")).unwrap();
        for input in inputs {
            assert!(readme.contains(&format!("| `{input}.json` |")), "{name}: README.md does not list {input}.json");
        }
    }
}

/// The functions of the examples, with a folder for their state.
struct Functions {
    state: PathBuf,
    functions: LocalFunctions,
}

impl Functions {
    fn new(test: &str) -> Self {
        let state = std::env::temp_dir().join(format!("stepwell-examples-{test}-{}", std::process::id()));
        fs::create_dir_all(&state).unwrap();
        let options = LocalOptions {
            runtime_folder: state.join("runtime"),
            environment: BTreeMap::from([("STATE_FOLDER".to_owned(), state.display().to_string())]),
            ..LocalOptions::default()
        };
        let logs = Arc::new(FunctionLogs::new(false, None).unwrap());
        Self { functions: LocalFunctions::new(discover(&examples()).unwrap(), options, logs).unwrap(), state }
    }

    async fn call(&self, name: &str, event: &Value) -> (Value, bool) {
        let function = FunctionRef::parse(name, &Place::default()).unwrap();
        let invoked = self.functions.invoke(&function, &event.to_string(), &InvokeOptions::default()).await.unwrap();
        (serde_json::from_str(&invoked.payload).unwrap(), invoked.function_error.is_some())
    }

    /// Expects that an answer holds these fields.
    async fn check(&self, name: &str, event: Value, expected: Value) -> Value {
        let (answer, failed) = self.call(name, &event).await;
        assert!(!failed, "{name}: {answer}");
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&answer[key], value, "{name}: {key} of {answer}");
        }
        answer
    }

    /// Expects an error of this name.
    async fn fails(&self, name: &str, event: Value, error: &str) {
        let (answer, failed) = self.call(name, &event).await;
        assert!(failed && answer["errorType"] == error, "{name}: {answer}");
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        self.functions.shutdown();
        let _ = fs::remove_dir_all(&self.state);
    }
}

fn input(example: &str, name: &str) -> Value {
    json_of(&examples().join(example).join("inputs").join(format!("{name}.json")))
}

#[tokio::test]
async fn order_processing() {
    let all = Functions::new("order");
    let order = |name: &str| input("order-processing", name);
    all.check("validate-order", order("success"), json!({ "totalCents": 9990, "itemCount": 3 })).await;
    all.fails("validate-order", order("invalid-order"), "InvalidOrder").await;
    all.check("reserve-inventory", order("success"), json!({ "reservationId": "R-1001", "repeated": false })).await;
    all.check("reserve-inventory", order("success"), json!({ "reservationId": "R-1001", "repeated": true })).await;
    all.fails("reserve-inventory", order("out-of-stock"), "OutOfStock").await;
    all.check("release-inventory", order("success"), json!({ "released": order("success")["items"] })).await;
    all.check("release-inventory", order("success"), json!({ "released": [] })).await;
    let payment = |name: &str, attempt: u32| json!({ "orderId": "1", "totalCents": 9990, "payment": order(name)["payment"], "attempt": attempt });
    let paid = json!({ "paymentId": "P-1", "amountCents": 9990, "last4": "4242" });
    all.check("charge-payment", payment("success", 0), paid.clone()).await;
    all.fails("charge-payment", payment("success-after-retries", 1), "PaymentGatewayUnavailable").await;
    all.check("charge-payment", payment("success-after-retries", 2), paid.clone()).await;
    all.fails("charge-payment", payment("payment-declined", 0), "PaymentDeclined").await;
    all.check("refund-payment", paid, json!({ "refundId": "F-P-1" })).await;
    let update =
        |read_only: bool| json!({ "orderId": "1", "status": "PAID", "details": {}, "storeIsReadOnly": read_only });
    all.check("update-order", update(false), json!({ "status": "PAID" })).await;
    all.fails("update-order", update(true), "OrderStoreReadOnly").await;
    for outcome in ["CONFIRMED", "OUT_OF_STOCK", "NOT_CHARGED", "REFUNDED"] {
        let event = json!({ "orderId": "1", "customer": { "email": "a@example.com" }, "outcome": outcome });
        all.check("notify-customer", event, json!({ "to": "a@example.com" })).await;
    }
}

#[tokio::test]
async fn nightly_backup() {
    let all = Functions::new("backup");
    let run = |name: &str, attempt: u32| {
        let mut event = input("nightly-backup", name);
        event["attempt"] = json!(attempt);
        event
    };
    let backup = all.check("run-backup", run("success", 0), json!({ "rows": 2, "statusCode": 200 })).await;
    all.check("verify-backup", backup.clone(), json!({ "rows": 2, "statusCode": 200 })).await;
    let mut other = backup;
    other["sha256"] = json!("0");
    all.check("verify-backup", other, json!({ "statusCode": 500 })).await;
    all.fails("run-backup", run("success-after-retries", 1), "DatabaseBusy").await;
    all.check("run-backup", run("success-after-retries", 2), json!({ "statusCode": 200 })).await;
    all.check("run-backup", run("partial", 0), json!({ "rows": 2, "statusCode": 206 })).await;
    all.fails("run-backup", run("database-missing", 0), "DatabaseMissing").await;
}

#[tokio::test]
async fn risk_checks() {
    let all = Functions::new("risk");
    let rows = [
        ("approved", [81, 100, 100], "APPROVED"),
        ("review", [69, 100, 30], "REVIEW"),
        ("rejected", [81, 0, 100], "REJECTED"),
    ];
    for (name, [credit, identity, fraud], decision) in rows {
        let event = input("risk-checks", name);
        let checks = json!([
            all.check("check-credit", event.clone(), json!({ "score": credit })).await,
            all.check("check-identity", event.clone(), json!({ "score": identity })).await,
            all.check("check-fraud", event, json!({ "score": fraud })).await,
        ]);
        all.check("decide-loan", json!({ "checks": checks }), json!({ "decision": decision })).await;
    }
    all.fails("check-credit", input("risk-checks", "documents-needed"), "CreditBureauError").await;
    all.fails("check-identity", input("risk-checks", "check-breaks"), "ValueError").await;
}

#[tokio::test]
async fn file_pipeline() {
    let all = Functions::new("files");
    let file = |name: &str| input("file-pipeline", name)["file"].clone();
    let rows = [
        ("csv", "csv", 4),
        ("json-lines", "json-lines", 2),
        ("empty", "csv", 0),
        ("header-only", "csv", 1),
        ("unknown-type", "unknown", 1),
    ];
    for (name, kind, lines) in rows {
        all.check("detect-file-type", file(name), json!({ "type": kind, "lines": lines })).await;
    }
    let records = all.check("parse-csv", file("csv"), json!({ "count": 3 })).await;
    let summary = json!({ "total": 44.75, "products": [{ "product": "coffee", "amount": 30.0 }, { "product": "tea", "amount": 14.75 }] });
    all.check("summarize-records", records, summary).await;
    all.check("parse-csv", file("header-only"), json!({ "count": 0 })).await;
    all.fails("parse-csv", file("malformed"), "MalformedFile").await;
    all.check("parse-json-lines", file("json-lines"), json!({ "count": 2 })).await;
    all.fails("parse-json-lines", file("csv"), "MalformedFile").await;
}

#[tokio::test]
async fn expense_approval() {
    let all = Functions::new("expense");
    let ask = |name: &str| json!({ "taskToken": "token-1", "expense": input("expense-approval", name)["expense"] });
    let filed = all.check("request-approval", ask("ask"), json!({})).await;
    let request = json_of(Path::new(filed["file"].as_str().unwrap()));
    assert_eq!((&request["taskToken"], &request["approver"]), (&json!("token-1"), &json!("emil@example.com")));
    all.fails("request-approval", ask("unknown-approver"), "UnknownApprover").await;
    let pay = json!({ "expense": input("expense-approval", "small")["expense"], "approvedBy": "rule" });
    all.check("pay-expense", pay, json!({ "paymentId": "E-E-1", "amount": 42.5 })).await;
}

#[tokio::test]
async fn invoice_batch() {
    let all = Functions::new("invoices");
    let batch = input("invoice-batch", "one-fails");
    let item = |index: usize| {
        let invoice = &batch["invoices"][index];
        json!({ "position": index, "number": invoice["number"], "country": batch["country"], "lines": invoice["lines"] })
    };
    let first = all.check("price-invoice", item(0), json!({ "net": 764.0, "tax": 145.16, "gross": 909.16 })).await;
    let second = all.check("price-invoice", item(1), json!({ "net": 119.8, "tax": 22.76, "gross": 142.56 })).await;
    all.fails("price-invoice", item(2), "KeyError").await;
    let failed = json!({ "number": "I-5", "status": "FAILED", "error": "KeyError" });
    let total = json!({ "priced": 2, "gross": 1051.72, "failed": ["I-5"] });
    all.check("total-invoices", json!({ "invoices": [first, second, failed] }), total).await;
    let mut elsewhere = item(0);
    elsewhere["country"] = json!("XX");
    all.fails("price-invoice", elsewhere, "UnknownCountry").await;
}
