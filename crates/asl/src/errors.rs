//! `Retry` and `Catch`.

use std::collections::BTreeSet;
use std::sync::Arc;

use stepwell_value::json::{Node, Spanned};

use crate::definition::{Catcher, Retrier, StateId};
use crate::expression::Sees;
use crate::fields;
use crate::location::At;
use crate::raised;
use crate::site::Site;

/// The error name that stands for all others.
const ALL: &str = "States.ALL";

impl Site<'_, '_, '_> {
    /// `Retry`
    pub(crate) fn retry(&mut self, node: &Spanned, at: &At) -> Vec<Retrier> {
        let entries = self.array_field(node, at, "Retry").unwrap_or(&[]);
        let list_at = at.field("Retry");
        let mut retriers = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let at = list_at.index(index);
            let last = index + 1 == entries.len();
            if self.object(entry, &at) {
                retriers.extend(self.retrier(entry, &at, last));
            }
        }
        self.warn_unmatched(node, entries, &list_at, "retrier");
        retriers
    }

    fn retrier(&mut self, node: &Spanned, at: &At, last: bool) -> Option<Retrier> {
        self.check_fields(node, at, fields::RETRIER);
        let complete = self.require(node, at, &["ErrorEquals"]);
        let error_equals = self.error_equals(node, at, last);
        let interval = self.integer(node, at, "IntervalSeconds", 0, Some(99_999_999));
        let attempts = self.integer(node, at, "MaxAttempts", 0, Some(99_999_999));
        let rate = self.decimal(node, at, "BackoffRate", 1.0, None);
        // A year and a day (AWS is reported to say `Maximum value is 31622400`).
        let delay = self.integer(node, at, "MaxDelaySeconds", 1, Some(31_622_400));
        let jitter = self.one_of(node, at, "JitterStrategy", &["NONE", "FULL"]);
        if let (Some(delay), Some(interval), Some(member)) = (delay, interval, node.get("MaxDelaySeconds"))
            && delay <= interval
        {
            let message = format!("MaxDelaySeconds ({delay}) is not greater than IntervalSeconds ({interval})");
            let help = "every retry then waits MaxDelaySeconds";
            self.warn("MAX_DELAY_TOO_SHORT", message, &at.field("MaxDelaySeconds"), member.span, help);
        }
        complete.then_some(Retrier {
            error_equals,
            interval_seconds: interval.unwrap_or(1),
            max_attempts: attempts.unwrap_or(3),
            backoff_rate: rate.unwrap_or(2.0),
            max_delay_seconds: delay,
            full_jitter: jitter == Some("FULL"),
        })
    }

    /// `Catch`
    pub(crate) fn catch(&mut self, node: &Spanned, at: &At) -> Vec<Catcher> {
        let entries = self.array_field(node, at, "Catch").unwrap_or(&[]);
        let list_at = at.field("Catch");
        let mut catchers = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let at = list_at.index(index);
            let last = index + 1 == entries.len();
            if self.object(entry, &at) {
                catchers.extend(self.catcher(entry, &at, last));
            }
        }
        self.warn_unmatched(node, entries, &list_at, "catcher");
        catchers
    }

    fn catcher(&mut self, node: &Spanned, at: &At, last: bool) -> Option<Catcher> {
        self.check_fields(node, at, fields::CATCHER);
        let complete = self.require(node, at, &["ErrorEquals", "Next"]);
        let error_equals = self.error_equals(node, at, last);
        let next: Option<StateId> = self.target(node, at, "Next");
        let result_path = self.result_path(node, at);
        let output = self.output(node, at, Sees::ERROR);
        let assign = self.assign(node, at, Sees::ERROR);
        match next {
            Some(next) if complete => Some(Catcher { error_equals, next, result_path, output, assign }),
            _ => None,
        }
    }

    /// `ErrorEquals`: some error names; `States.ALL` alone, and in the last entry.
    fn error_equals(&mut self, node: &Spanned, at: &At, last: bool) -> Vec<Arc<str>> {
        let Some(items) = self.array_field(node, at, "ErrorEquals") else { return Vec::new() };
        let at = at.field("ErrorEquals");
        let span = node.get("ErrorEquals").map_or(node.span, |member| member.span);
        if items.is_empty() {
            self.error("Value cannot be empty", &at, span);
        }
        let mut names: Vec<Arc<str>> = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str() {
                Some(name) => names.push(Arc::from(name)),
                None => self.error("Expected value of type String", &at.index(index), item.span),
            }
        }
        let catches_all = names.iter().any(|name| &**name == ALL);
        if catches_all && (names.len() > 1 || !last) {
            self.error("States.ALL must appear alone and at end of list", &at, span);
        }
        names
    }

    /// Warns of names that the state never raises, and of entries whose names have all been taken by entries before them.
    fn warn_unmatched(&mut self, state: &Spanned, entries: &[Spanned], at: &At, what: &str) {
        if !self.compiler.options.warnings {
            return;
        }
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        for (index, entry) in entries.iter().enumerate() {
            let Some(Spanned { node: Node::Array(items), span }) = entry.get("ErrorEquals") else { continue };
            let names: Vec<&str> = items.iter().filter_map(Spanned::as_str).collect();
            for (place, item) in items.iter().enumerate() {
                let name = item.as_str().unwrap_or("");
                if let Some(reason) = raised::never(name, state, self.is_jsonata()) {
                    let message = format!("{name} never comes to this {what}: {reason}");
                    let entry_at = at.index(index);
                    let list_at = entry_at.field("ErrorEquals");
                    self.warn("NEVER_MATCHES", message, &list_at.index(place), item.span, "remove the name");
                }
            }
            let wildcard = taken.contains("States.TaskFailed");
            let never = |name: &str| taken.contains(name) || (wildcard && is_task_failure(name));
            if !names.is_empty() && names.iter().all(|name| never(name)) {
                let message = format!("this {what} never matches: earlier ones take {}", names.join(", "));
                let help = "put the more special names first, or remove it";
                self.warn("NEVER_MATCHES", message, &at.index(index).field("ErrorEquals"), *span, help);
            }
            taken.extend(names);
        }
    }
}

/// Whether `States.TaskFailed` matches an error of this name: every one but timeouts and what the service itself raises.
fn is_task_failure(name: &str) -> bool {
    name == "States.TaskFailed" || !name.starts_with("States.")
}
