//! What a configuration must be beyond its form.

use std::path::Path;

use super::Config;
use crate::listen;
use crate::problem::Problem;

/// Days a closed execution may be kept.
const RETENTION_DAYS: std::ops::RangeInclusive<u32> = 1..=36_500;

/// Finds the first fault.
///
/// # Errors
/// Names the file and the key.
pub fn check(config: &Config, file: &Path) -> Result<(), Problem> {
    let fault = |key: &str, what: String| Problem::usage(format!("{}: `{key}` {what}", file.display()));
    let server = &config.server;
    if let Some(listen) = &server.listen {
        listen::parse(listen).map_err(|problem| fault("server.listen", format!("cannot be used: {problem}")))?;
    }
    check_account(server.account.as_deref()).map_err(|what| fault("server.account", what))?;
    if let Some(region) = server.region.as_deref().filter(|region| !is_region(region)) {
        return Err(fault("server.region", format!("is `{region}`, which is no region; for example us-east-1")));
    }
    for (id, key) in &config.keys {
        if key.secret.is_empty() {
            return Err(fault(&format!("keys.{id}.secret"), "is empty; give the secret access key".to_owned()));
        }
        check_account(key.account.as_deref()).map_err(|what| fault(&format!("keys.{id}.account"), what))?;
    }
    if let Some(id) = config.lambda.access_key.as_ref().filter(|id| !config.keys.contains_key(*id)) {
        return Err(fault("lambda.access_key", format!("is `{id}`, and there is no `[keys.{id}]`")));
    }
    let limits = &config.limits;
    if limits.aws.is_some() && limits.aws == limits.unbounded {
        return Err(fault("limits", "says `aws` and `unbounded` at once; keep one of them".to_owned()));
    }
    config.quotas.check().map_err(|(key, what)| fault(&key, what))?;
    if !RETENTION_DAYS.contains(&config.retention.days) {
        let (first, last) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
        return Err(fault("retention.days", format!("has to be a whole number from {first} to {last}")));
    }
    Ok(())
}

fn check_account(account: Option<&str>) -> Result<(), String> {
    let is_account = |text: &str| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    match account {
        Some(account) if !is_account(account) => Err(format!("is `{account}`; an account has twelve digits")),
        _ => Ok(()),
    }
}

/// `us-east-1`, `us-gov-west-1`: words and a number.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => words.len() >= 2 && words.iter().all(is_word) && number.parse::<u8>().is_ok(),
        None => false,
    }
}
