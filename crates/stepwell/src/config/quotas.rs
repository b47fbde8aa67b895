//! `[quotas]`: how much one account may ask for in one region. Nothing is limited unless it is named here.
//!
//! ```toml
//! [quotas]
//! aws = true                # AWS's default quotas; what follows goes above them
//! open_executions = 1000    # Standard executions at a time: ExecutionLimitExceeded
//! state_machines = 100      # StateMachineLimitExceeded
//! activities = 100          # ActivityLimitExceeded
//!
//! [quotas.requests]         # token buckets: ThrottlingException, "Rate exceeded"
//! StartExecution = { bucket = 1300, per_second = 300 }
//! ```

use std::collections::BTreeMap;

use serde::Deserialize;
use stepwell_api::Quotas;
use stepwell_api::throttle::Bucket;

/// `[quotas]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaSettings {
    /// AWS's default quotas.
    pub aws: bool,
    /// Standard executions that are open at a time.
    pub open_executions: Option<u64>,
    /// State machines.
    pub state_machines: Option<u64>,
    /// Activities.
    pub activities: Option<u64>,
    /// Requests, by operation.
    pub requests: BTreeMap<String, RequestQuota>,
}

/// `requests.OPERATION`
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestQuota {
    /// Calls at once, after a rest: at least 1.
    pub bucket: u32,
    /// Calls a second, in the long run: at least 0.
    pub per_second: f64,
}

impl QuotaSettings {
    /// The quotas that are meant.
    pub fn quotas(&self) -> Quotas {
        let mut quotas = if self.aws { Quotas::aws() } else { Quotas::default() };
        quotas.open_executions = self.open_executions.or(quotas.open_executions);
        quotas.state_machines = self.state_machines.or(quotas.state_machines);
        quotas.activities = self.activities.or(quotas.activities);
        for (operation, quota) in &self.requests {
            let bucket = Bucket { size: quota.bucket, per_second: quota.per_second };
            quotas.requests.insert(operation.clone(), bucket);
        }
        quotas
    }

    /// Finds the first fault.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub fn check(&self) -> Result<(), (String, String)> {
        for (operation, quota) in &self.requests {
            let key = format!("quotas.requests.{operation}");
            if stepwell_model::Operation::find(operation).is_none() {
                return Err((key, "is no operation of Step Functions; for example StartExecution".to_owned()));
            }
            if quota.bucket == 0 {
                return Err((
                    format!("{key}.bucket"),
                    "is 0, so that nothing could be called; give 1 or more".to_owned(),
                ));
            }
            if !quota.per_second.is_finite() || quota.per_second < 0.0 {
                return Err((format!("{key}.per_second"), "has to be 0 or more".to_owned()));
            }
        }
        Ok(())
    }

    /// One line for operators.
    pub fn summary(&self) -> String {
        let quotas = self.quotas();
        if quotas == Quotas::default() {
            return "none".to_owned();
        }
        let counts = [
            ("open executions", quotas.open_executions),
            ("state machines", quotas.state_machines),
            ("activities", quotas.activities),
        ];
        let mut parts: Vec<String> =
            counts.iter().filter_map(|(what, max)| max.map(|max| format!("{max} {what}"))).collect();
        if !quotas.requests.is_empty() {
            parts.push(format!("requests of {} operations", quotas.requests.len()));
        }
        parts.join(", ")
    }
}
