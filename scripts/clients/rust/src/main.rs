//! Reads calls, a line of JSON each, makes them with the SDK for Rust, and writes the answers, a line each.
//! The first argument is the endpoint.

use std::collections::HashMap;
use std::io::{BufRead as _, Write as _};

use aws_sdk_sfn::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_sfn::error::{BuildError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::{Client, Config, types};
use serde_json::{Map, Value, json};

/// The answer, or the error as JSON.
type Outcome = Result<Value, Value>;

fn main() {
    let endpoint = std::env::args().nth(1).expect("the endpoint");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(Credentials::new("test", "test", None, None, "the tests"))
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for line in std::io::stdin().lock().lines() {
        let asked: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        let (operation, input) = (asked["operation"].as_str().expect("an operation"), &asked["input"]);
        let outcome = match asked["size"].as_i64() {
            Some(size) => runtime.block_on(pages(&client, operation, input, size as i32)),
            None => runtime.block_on(call(&client, operation, input)),
        };
        let answer = outcome.map_or_else(|error| error, |answer| json!({"answer": answer}));
        println!("{answer}");
        std::io::stdout().flush().expect("somebody reads");
    }
}

fn refused<E, R>(error: SdkError<E, R>) -> Value
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let message = error.message().map_or_else(|| DisplayErrorContext(&error).to_string(), str::to_owned);
    json!({"error": error.code().unwrap_or("no code"), "message": message})
}

/// From a member of the input to what a builder takes.
trait FromJson: Sized {
    fn from_json(value: &Value) -> Option<Self>;
}

/// From what an answer's member gives to JSON.
trait ToJson {
    fn to_json(self) -> Value;
}

/// What a builder makes: some check that everything is there.
trait Built {
    type T;
    fn built(self) -> Self::T;
}

impl<T> Built for Result<T, BuildError> {
    type T = T;
    fn built(self) -> T {
        self.expect("a structure with all its members")
    }
}

fn given<T: FromJson>(object: &Value, member: &str) -> Option<T> {
    object.get(member).and_then(T::from_json)
}

fn put(object: &mut Map<String, Value>, member: &str, value: impl ToJson) {
    let value = value.to_json();
    if !value.is_null() {
        object.insert(member.to_owned(), value);
    }
}

impl FromJson for String {
    fn from_json(value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(value: &Value) -> Option<Vec<T>> {
        value.as_array().map(|items| items.iter().filter_map(T::from_json).collect())
    }
}

impl<T: FromJson> FromJson for HashMap<String, T> {
    fn from_json(value: &Value) -> Option<HashMap<String, T>> {
        let members = value.as_object()?.iter();
        Some(members.filter_map(|(name, value)| Some((name.clone(), T::from_json(value)?))).collect())
    }
}

impl ToJson for &str {
    fn to_json(self) -> Value {
        Value::from(self)
    }
}

impl ToJson for &String {
    fn to_json(self) -> Value {
        Value::from(self.as_str())
    }
}

impl ToJson for &DateTime {
    fn to_json(self) -> Value {
        Value::from(self.as_secs_f64())
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(self) -> Value {
        self.map_or(Value::Null, T::to_json)
    }
}

impl<'a, T> ToJson for &'a [T]
where
    &'a T: ToJson,
{
    fn to_json(self) -> Value {
        self.iter().map(ToJson::to_json).collect()
    }
}

impl<'a, T> ToJson for &'a HashMap<String, T>
where
    &'a T: ToJson,
{
    fn to_json(self) -> Value {
        self.iter().map(|(name, value)| (name.clone(), value.to_json())).collect()
    }
}

impl<'a, T> ToJson for &'a Vec<T>
where
    &'a T: ToJson,
{
    fn to_json(self) -> Value {
        self.as_slice().to_json()
    }
}

macro_rules! plain {
    ($($plain:ty, $read:ident;)*) => {
        $(
            impl FromJson for $plain {
                fn from_json(value: &Value) -> Option<$plain> {
                    value.$read().map(|number| number as $plain)
                }
            }

            impl ToJson for $plain {
                fn to_json(self) -> Value {
                    Value::from(self)
                }
            }
        )*
    };
}

plain! {
    i32, as_i64;
    i64, as_i64;
    f32, as_f64;
    bool, as_bool;
}

/// Enumerations are texts.
macro_rules! text_type {
    ($text:ty) => {
        impl FromJson for $text {
            fn from_json(value: &Value) -> Option<$text> {
                value.as_str().map(<$text>::from)
            }
        }

        impl ToJson for &$text {
            fn to_json(self) -> Value {
                Value::from(self.as_str())
            }
        }
    };
}

include!(concat!(env!("OUT_DIR"), "/calls.rs"));
