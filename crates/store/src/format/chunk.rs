//! The stored form of history: one chunk per committed batch of events.
//!
//! A payload of the same text as an earlier one of the chunk (the output of an exit and the input of the next entry) is
//! stored once. Head numbers of the envelope: id of the first event, count.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_interpreter::{Details, EventId, EventType, Failure, HistoryEvent};
use stepwell_value::{Payload, Timestamp};

use super::envelope::{self, Packing};
use crate::Error;

const WHAT: &str = "a chunk of history";

#[derive(Serialize, Deserialize)]
struct BodyV1<'a> {
    #[serde(borrow)]
    events: Vec<EventV1<'a>>,
    #[serde(borrow)]
    payloads: Vec<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct EventV1<'a> {
    /// Its position in [`EventType::ALL`].
    event_type: u8,
    /// Its own id less that of the event it follows.
    back: i64,
    /// Milliseconds since the event before it in the chunk; the first: since 1970.
    later: i64,
    #[serde(borrow)]
    details: DetailsV1<'a>,
}

/// The index of a payload in the chunk.
type PayloadV1 = u32;

#[derive(Serialize, Deserialize)]
struct FailureV1<'a> {
    error: Option<&'a str>,
    cause: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
enum DetailsV1<'a> {
    None,
    ExecutionStarted {
        input: PayloadV1,
        role_arn: &'a str,
        alias_arn: Option<&'a str>,
        version_arn: Option<&'a str>,
    },
    Output {
        output: PayloadV1,
    },
    Failure(#[serde(borrow)] FailureV1<'a>),
    StateEntered {
        name: &'a str,
        input: PayloadV1,
    },
    StateExited {
        name: &'a str,
        output: PayloadV1,
        #[serde(borrow)]
        assigned: Vec<(&'a str, PayloadV1)>,
    },
    Scheduled {
        resource: &'a str,
        input: PayloadV1,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
        credentials_role_arn: Option<&'a str>,
    },
    ActivityStarted {
        worker_name: Option<&'a str>,
    },
    TaskScheduled {
        resource_type: &'a str,
        resource: &'a str,
        region: &'a str,
        parameters: PayloadV1,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
        credentials_role_arn: Option<&'a str>,
    },
    TaskStarted {
        resource_type: &'a str,
        resource: &'a str,
    },
    TaskOutput {
        resource_type: &'a str,
        resource: &'a str,
        output: PayloadV1,
    },
    TaskFailure {
        resource_type: &'a str,
        resource: &'a str,
        #[serde(borrow)]
        failure: FailureV1<'a>,
    },
    MapStateStarted {
        length: u64,
    },
    MapIteration {
        name: &'a str,
        index: u64,
    },
    MapRunStarted {
        map_run_arn: &'a str,
    },
    MapRunRedriven {
        map_run_arn: &'a str,
        redrive_count: u64,
    },
    ExecutionRedriven {
        redrive_count: u64,
    },
    EvaluationFailed {
        #[serde(borrow)]
        failure: FailureV1<'a>,
        location: &'a str,
        state: &'a str,
    },
    /// ExecutionRedriven with a token; without one it is the variant above. Variants are only ever added here, at the end.
    ExecutionRedrivenByToken {
        redrive_count: u64,
        client_token: &'a str,
    },
}

/// The stored form of a batch of events, whose ids follow one another.
///
/// # Errors
/// When the batch is empty or its ids have a gap, which is a bug of the caller.
pub fn encode_chunk(events: &[HistoryEvent]) -> Result<Vec<u8>, Error> {
    let first = events.first().map_or(0, |event| event.id);
    if first == 0 || !events.iter().zip(first..).all(|(event, id)| event.id == id) {
        return Err(Error::Backend(format!("events of a chunk must be numbered on from the first one, {first}")));
    }
    let body = body(events)?;
    Ok(envelope::seal(&[first, events.len() as u64], &body, Packing::Zstd))
}

/// Reads a chunk.
///
/// # Errors
/// When it is damaged or of a newer version.
pub fn decode_chunk(bytes: &[u8]) -> Result<Vec<HistoryEvent>, Error> {
    let ([first, count], body) = envelope::open(WHAT, bytes)?;
    let form: BodyV1<'_> = envelope::read_form(WHAT, &body)?;
    if form.events.len() as u64 != count || first == 0 || first.checked_add(count).is_none() {
        let found = form.events.len();
        return Err(envelope::damaged(WHAT, format!("its head says {count} events from {first}, it has {found}")));
    }
    let payloads: Vec<_> =
        form.payloads.iter().map(|text| Payload::from_checked_text(Arc::<str>::from(*text))).collect();
    let mut at = 0_i64;
    let read = |(event, id)| event_from_v1(event, id, &mut at, &payloads);
    form.events.into_iter().zip(first..).map(read).collect()
}

/// Reads the first and the last event of a chunk. Where they are what an execution began and ended with, nothing else of
/// the chunk is made.
///
/// # Errors
/// When it is damaged or of a newer version.
pub fn chunk_ends(bytes: &[u8]) -> Result<Option<(HistoryEvent, HistoryEvent)>, Error> {
    let ([first, count], body) = envelope::open(WHAT, bytes)?;
    let form: BodyV1<'_> = envelope::read_form(WHAT, &body)?;
    let (Some(one), Some(last)) = (form.events.first(), form.events.last()) else { return Ok(None) };
    let (Some(needed), Some(also)) = (payload_of_end(&one.details), payload_of_end(&last.details)) else {
        let mut events = decode_chunk(bytes)?;
        return Ok(events.first().cloned().zip(events.pop()));
    };
    let is_needed = |index: usize| [needed, also].contains(&u32::try_from(index).ok());
    let payloads: Vec<Payload> = form
        .payloads
        .iter()
        .enumerate()
        .map(|(index, text)| match is_needed(index) {
            true => Payload::from_checked_text(Arc::<str>::from(*text)),
            false => Payload::default(),
        })
        .collect();
    let ends = form.events.len().saturating_sub(1);
    let mut at = 0_i64;
    let (mut begin, mut end) = (None, None);
    for (index, (event, id)) in form.events.into_iter().zip(first..).enumerate() {
        if index > 0 && index < ends {
            at = at.saturating_add(event.later);
            continue;
        }
        let event = event_from_v1(event, id, &mut at, &payloads)?;
        begin.get_or_insert_with(|| event.clone());
        end = Some(event);
    }
    debug_assert_eq!(count, ends as u64 + 1, "decode_chunk checks it");
    Ok(begin.zip(end))
}

/// The payload of an event that begins or ends an execution; the outer `None`: it is another one.
fn payload_of_end(details: &DetailsV1<'_>) -> Option<Option<PayloadV1>> {
    match details {
        DetailsV1::ExecutionStarted { input, .. } => Some(Some(*input)),
        DetailsV1::Output { output } => Some(Some(*output)),
        DetailsV1::Failure(_) => Some(None),
        _ => None,
    }
}

/// Which events a chunk has: the first one's id and how many, out of its head alone.
///
/// # Errors
/// When it is damaged or of a newer version.
pub fn chunk_span(bytes: &[u8]) -> Result<(EventId, u64), Error> {
    envelope::open_head(WHAT, bytes).map(|[first, count]| (first, count))
}

/// The body of a chunk before compression; what a dictionary is trained with.
#[cfg(any(test, feature = "contract"))]
pub fn chunk_body(events: &[HistoryEvent]) -> Result<Vec<u8>, Error> {
    body(events)
}

fn body(events: &[HistoryEvent]) -> Result<Vec<u8>, Error> {
    let mut pool = Pool::default();
    let mut at = 0_i64;
    let form = BodyV1 {
        events: events.iter().map(|event| event_to_v1(event, &mut at, &mut pool)).collect(),
        payloads: pool.texts,
    };
    postcard::to_stdvec(&form).map_err(|error| Error::Backend(format!("cannot encode {WHAT}: {error}")))
}

/// The payloads of a chunk, each text once.
#[derive(Default)]
struct Pool<'a> {
    texts: Vec<&'a str>,
    index: HashMap<&'a str, PayloadV1, foldhash::fast::RandomState>,
}

impl<'a> Pool<'a> {
    fn put(&mut self, payload: &'a Payload) -> PayloadV1 {
        let text: &str = payload.text();
        let next = PayloadV1::try_from(self.texts.len()).unwrap_or(PayloadV1::MAX);
        let texts = &mut self.texts;
        *self.index.entry(text).or_insert_with(|| {
            texts.push(text);
            next
        })
    }
}

fn event_to_v1<'a>(event: &'a HistoryEvent, at: &mut i64, pool: &mut Pool<'a>) -> EventV1<'a> {
    let later = event.at.0.wrapping_sub(*at);
    *at = event.at.0;
    EventV1 {
        event_type: event.event_type as u8,
        back: event.id.wrapping_sub(event.previous).cast_signed(),
        later,
        details: details_to_v1(&event.details, pool),
    }
}

fn event_from_v1(form: EventV1<'_>, id: EventId, at: &mut i64, payloads: &[Payload]) -> Result<HistoryEvent, Error> {
    *at = at.wrapping_add(form.later);
    let event_type = *EventType::ALL
        .get(usize::from(form.event_type))
        .ok_or_else(|| envelope::damaged(WHAT, format!("event type {} does not exist", form.event_type)))?;
    Ok(HistoryEvent {
        id,
        previous: id.wrapping_sub(form.back.cast_unsigned()),
        at: Timestamp(*at),
        event_type,
        details: details_from_v1(form.details, payloads)?,
    })
}

fn details_to_v1<'a>(details: &'a Details, pool: &mut Pool<'a>) -> DetailsV1<'a> {
    match details {
        Details::None => DetailsV1::None,
        Details::ExecutionStarted { input, role_arn, alias_arn, version_arn } => DetailsV1::ExecutionStarted {
            input: pool.put(input),
            role_arn,
            alias_arn: alias_arn.as_deref(),
            version_arn: version_arn.as_deref(),
        },
        Details::Output { output } => DetailsV1::Output { output: pool.put(output) },
        Details::Failure(failure) => DetailsV1::Failure(failure_to_v1(failure)),
        Details::StateEntered { name, input } => DetailsV1::StateEntered { name, input: pool.put(input) },
        Details::StateExited { name, output, assigned } => DetailsV1::StateExited {
            name,
            output: pool.put(output),
            assigned: assigned.iter().map(|(name, value)| (&**name, pool.put(value))).collect(),
        },
        Details::Scheduled { .. }
        | Details::ActivityStarted { .. }
        | Details::TaskScheduled { .. }
        | Details::TaskStarted { .. }
        | Details::TaskOutput { .. }
        | Details::TaskFailure { .. } => task_to_v1(details, pool),
        Details::MapStateStarted { length } => DetailsV1::MapStateStarted { length: *length },
        Details::MapIteration { name, index } => DetailsV1::MapIteration { name, index: *index },
        Details::MapRunStarted { map_run_arn } => DetailsV1::MapRunStarted { map_run_arn },
        Details::MapRunRedriven { map_run_arn, redrive_count } => {
            DetailsV1::MapRunRedriven { map_run_arn, redrive_count: *redrive_count }
        }
        Details::ExecutionRedriven { redrive_count, client_token } => match client_token {
            None => DetailsV1::ExecutionRedriven { redrive_count: *redrive_count },
            Some(client_token) => DetailsV1::ExecutionRedrivenByToken { redrive_count: *redrive_count, client_token },
        },
        Details::EvaluationFailed { failure, location, state } => {
            DetailsV1::EvaluationFailed { failure: failure_to_v1(failure), location, state }
        }
    }
}

/// The details of a task's events.
fn task_to_v1<'a>(details: &'a Details, pool: &mut Pool<'a>) -> DetailsV1<'a> {
    match details {
        Details::Scheduled { resource, input, timeout_seconds, heartbeat_seconds, credentials_role_arn } => {
            DetailsV1::Scheduled {
                resource,
                input: pool.put(input),
                timeout_seconds: *timeout_seconds,
                heartbeat_seconds: *heartbeat_seconds,
                credentials_role_arn: credentials_role_arn.as_deref(),
            }
        }
        Details::ActivityStarted { worker_name } => DetailsV1::ActivityStarted { worker_name: worker_name.as_deref() },
        Details::TaskScheduled {
            resource_type,
            resource,
            region,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
        } => DetailsV1::TaskScheduled {
            resource_type,
            resource,
            region,
            parameters: pool.put(parameters),
            timeout_seconds: *timeout_seconds,
            heartbeat_seconds: *heartbeat_seconds,
            credentials_role_arn: credentials_role_arn.as_deref(),
        },
        Details::TaskStarted { resource_type, resource } => DetailsV1::TaskStarted { resource_type, resource },
        Details::TaskOutput { resource_type, resource, output } => {
            DetailsV1::TaskOutput { resource_type, resource, output: pool.put(output) }
        }
        Details::TaskFailure { resource_type, resource, failure } => {
            DetailsV1::TaskFailure { resource_type, resource, failure: failure_to_v1(failure) }
        }
        _ => DetailsV1::None,
    }
}

fn details_from_v1(form: DetailsV1<'_>, payloads: &[Payload]) -> Result<Details, Error> {
    let payload = |index: PayloadV1| payload_at(payloads, index);
    Ok(match form {
        DetailsV1::None => Details::None,
        DetailsV1::ExecutionStarted { input, role_arn, alias_arn, version_arn } => Details::ExecutionStarted {
            input: payload(input)?,
            role_arn: role_arn.into(),
            alias_arn: alias_arn.map(Arc::from),
            version_arn: version_arn.map(Arc::from),
        },
        DetailsV1::Output { output } => Details::Output { output: payload(output)? },
        DetailsV1::Failure(failure) => Details::Failure(failure_from_v1(&failure)),
        DetailsV1::StateEntered { name, input } => Details::StateEntered { name: name.into(), input: payload(input)? },
        DetailsV1::StateExited { name, output, assigned } => Details::StateExited {
            name: name.into(),
            output: payload(output)?,
            assigned: assigned
                .into_iter()
                .map(|(name, value)| Ok((name.into(), payload(value)?)))
                .collect::<Result<_, Error>>()?,
        },
        DetailsV1::MapStateStarted { length } => Details::MapStateStarted { length },
        DetailsV1::MapIteration { name, index } => Details::MapIteration { name: name.into(), index },
        DetailsV1::MapRunStarted { map_run_arn } => Details::MapRunStarted { map_run_arn: map_run_arn.into() },
        DetailsV1::MapRunRedriven { map_run_arn, redrive_count } => {
            Details::MapRunRedriven { map_run_arn: map_run_arn.into(), redrive_count }
        }
        DetailsV1::ExecutionRedriven { redrive_count } => {
            Details::ExecutionRedriven { redrive_count, client_token: None }
        }
        DetailsV1::ExecutionRedrivenByToken { redrive_count, client_token } => {
            Details::ExecutionRedriven { redrive_count, client_token: Some(client_token.into()) }
        }
        DetailsV1::EvaluationFailed { failure, location, state } => Details::EvaluationFailed {
            failure: failure_from_v1(&failure),
            location: location.into(),
            state: state.into(),
        },
        task => return task_from_v1(task, payloads),
    })
}

/// The details of a task's events.
fn task_from_v1(form: DetailsV1<'_>, payloads: &[Payload]) -> Result<Details, Error> {
    let payload = |index: PayloadV1| payload_at(payloads, index);
    Ok(match form {
        DetailsV1::Scheduled { resource, input, timeout_seconds, heartbeat_seconds, credentials_role_arn } => {
            Details::Scheduled {
                resource: resource.into(),
                input: payload(input)?,
                timeout_seconds,
                heartbeat_seconds,
                credentials_role_arn: credentials_role_arn.map(Arc::from),
            }
        }
        DetailsV1::ActivityStarted { worker_name } => {
            Details::ActivityStarted { worker_name: worker_name.map(Arc::from) }
        }
        DetailsV1::TaskScheduled {
            resource_type,
            resource,
            region,
            parameters,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn,
        } => Details::TaskScheduled {
            resource_type: resource_type.into(),
            resource: resource.into(),
            region: region.into(),
            parameters: payload(parameters)?,
            timeout_seconds,
            heartbeat_seconds,
            credentials_role_arn: credentials_role_arn.map(Arc::from),
        },
        DetailsV1::TaskStarted { resource_type, resource } => {
            Details::TaskStarted { resource_type: resource_type.into(), resource: resource.into() }
        }
        DetailsV1::TaskOutput { resource_type, resource, output } => Details::TaskOutput {
            resource_type: resource_type.into(),
            resource: resource.into(),
            output: payload(output)?,
        },
        DetailsV1::TaskFailure { resource_type, resource, failure } => Details::TaskFailure {
            resource_type: resource_type.into(),
            resource: resource.into(),
            failure: failure_from_v1(&failure),
        },
        _ => Details::None,
    })
}

fn payload_at(payloads: &[Payload], index: PayloadV1) -> Result<Payload, Error> {
    let found = usize::try_from(index).ok().and_then(|index| payloads.get(index));
    found.cloned().ok_or_else(|| envelope::damaged(WHAT, format!("payload {index} does not exist")))
}

fn failure_to_v1(failure: &Failure) -> FailureV1<'_> {
    FailureV1 { error: failure.error.as_deref(), cause: failure.cause.as_deref() }
}

fn failure_from_v1(form: &FailureV1<'_>) -> Failure {
    Failure { error: form.error.map(Arc::from), cause: form.cause.map(Arc::from) }
}
