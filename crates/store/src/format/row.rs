//! The stored form of an execution's row: fixed integer columns, which a backend may search by, and one small blob.
//!
//! The blob leaves out what follows from the rest: an ARN of the usual shape is made again from the machine's ARN and the
//! name, so that a row of a typical execution has about 150 bytes.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stepwell_interpreter::{EventId, Identity, Status};
use stepwell_value::Timestamp;

use super::envelope::{self, Packing};
use crate::{Error, ExecutionKey, ExecutionRecord, ForkedFrom, MachineKey};

const WHAT: &str = "an execution's row";

/// The columns of a row that a backend keeps beside the blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowColumns {
    /// The execution's number.
    pub key: ExecutionKey,
    /// Its machine's number.
    pub machine: MachineKey,
    /// Its status, as [`status_number`] gives it.
    pub status: u8,
    /// When it was started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// When it was last redriven.
    pub redriven: Option<Timestamp>,
    /// How often it was redriven.
    pub redrive_count: u32,
    /// The id of its last event.
    pub last_event: EventId,
}

#[derive(Serialize, Deserialize)]
struct RowV1<'a> {
    revision_id: &'a str,
    name: &'a str,
    generated_name: bool,
    express: bool,
    state_machine_arn: &'a str,
    state_machine_name: TextV1<'a>,
    execution_arn: TextV1<'a>,
    version_arn: Option<TextV1<'a>>,
    alias_arn: Option<TextV1<'a>>,
    role_arn: &'a str,
    region: TextV1<'a>,
    trace_header: Option<&'a str>,
}

/// What follows a [`RowV1`] when the execution was started with a test case; otherwise nothing does.
#[derive(Serialize, Deserialize)]
struct TestCaseV1<'a> {
    test_case: &'a str,
}

/// What follows a [`TestCaseV1`], whose text is empty when there is none, when the execution was forked.
#[derive(Serialize, Deserialize)]
struct ForkV1<'a> {
    execution_arn: &'a str,
    event: u64,
}

/// A text that often follows from others.
#[derive(Serialize, Deserialize)]
enum TextV1<'a> {
    /// As expected; see the `usual_…` function of the field.
    Usual,
    /// The state machine's ARN, and then this.
    AfterMachineArn(&'a str),
    /// Just this.
    Plain(&'a str),
}

/// The number of a status in stored rows.
pub fn status_number(status: Status) -> u8 {
    match status {
        Status::Running => 0,
        Status::Succeeded => 1,
        Status::Failed => 2,
        Status::TimedOut => 3,
        Status::Aborted => 4,
        Status::PendingRedrive => 5,
    }
}

/// The status of a number; none when there is no such status.
pub(super) fn status_of(number: u8) -> Option<Status> {
    Some(match number {
        0 => Status::Running,
        1 => Status::Succeeded,
        2 => Status::Failed,
        3 => Status::TimedOut,
        4 => Status::Aborted,
        5 => Status::PendingRedrive,
        _ => return None,
    })
}

/// The hash of a caller-chosen name in a machine, for a backend's name index: FNV-1a with a final mix, the same for ever.
/// Names of the same hash are compared by the backend.
pub fn name_hash(machine: MachineKey, name: &str) -> i64 {
    const PRIME: u64 = 0x0100_0000_01b3;
    let machine = machine.0.to_le_bytes();
    let bytes = machine.iter().chain(name.as_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(PRIME));
    let mixed = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).cast_signed()
}

/// Hashes of the version's and the alias' ARN that an execution was started through, for a backend's indexes. Different
/// ARNs of the same hash are told apart by [`crate::ExecutionFilter::matches`].
pub fn qualifier_hashes(record: &ExecutionRecord) -> [Option<i64>; 2] {
    let hash = |arn: &Option<Arc<str>>| arn.as_deref().map(|arn| name_hash(record.machine, arn));
    [hash(&record.identity.version_arn), hash(&record.identity.alias_arn)]
}

/// The blob of a row; everything in it stays the same for the life of an execution.
///
/// # Errors
/// When it cannot be written, which is a bug.
pub fn encode_row(record: &ExecutionRecord) -> Result<Vec<u8>, Error> {
    let identity = &*record.identity;
    let arn = &*identity.state_machine_arn;
    let form = RowV1 {
        revision_id: &record.revision_id,
        name: &identity.name,
        generated_name: record.generated_name,
        express: identity.express,
        state_machine_arn: arn,
        state_machine_name: shorten(&identity.state_machine_name, arn, usual_machine_name(arn)),
        execution_arn: shorten(&identity.execution_arn, arn, usual_execution_arn(arn, &identity.name).as_deref()),
        version_arn: identity.version_arn.as_deref().map(|text| shorten(text, arn, None)),
        alias_arn: identity.alias_arn.as_deref().map(|text| shorten(text, arn, None)),
        role_arn: &identity.role_arn,
        region: shorten(&identity.region, arn, usual_region(arn)),
        trace_header: record.trace_header.as_deref(),
    };
    let test_case = identity.test_case.as_deref();
    match (&record.forked_from, test_case) {
        (None, None) => envelope::seal_form(WHAT, &[], &form, Packing::Raw),
        (None, Some(test_case)) => envelope::seal_form(WHAT, &[], &(form, TestCaseV1 { test_case }), Packing::Raw),
        (Some(from), test_case) => {
            let test_case = TestCaseV1 { test_case: test_case.unwrap_or_default() };
            let fork = ForkV1 { execution_arn: &from.execution_arn, event: from.event };
            envelope::seal_form(WHAT, &[], &(form, test_case, fork), Packing::Raw)
        }
    }
}

/// Makes a record of its columns and its blob.
///
/// # Errors
/// When they are damaged or of a newer version.
pub fn decode_row(columns: &RowColumns, blob: &[u8]) -> Result<ExecutionRecord, Error> {
    let ([], body) = envelope::open(WHAT, blob)?;
    Ok(read_body(columns, &body)?.0)
}

/// Makes records of one row after the other. Most executions of a machine differ from the one before them in their names
/// alone; such a one is not read in full, and shares with the other what is the same.
#[derive(Default)]
pub struct RowReader(Option<Before>);

/// A row that has been read.
struct Before {
    body: Vec<u8>,
    /// Where the name is in it, with its length.
    name: Range<usize>,
    record: ExecutionRecord,
    /// Whether the ARN follows from the name: then it is the text here up to this byte, and the name.
    arn: Option<(String, usize)>,
}

impl RowReader {
    /// The execution of a row.
    ///
    /// # Errors
    /// As [`decode_row`]. The reader can go on with another row.
    pub fn read(&mut self, columns: &RowColumns, blob: &[u8]) -> Result<ExecutionRecord, Error> {
        let ([], body) = envelope::open(WHAT, blob)?;
        if let Some(before) = &mut self.0
            && let Some(record) = before.but_for_the_name(columns, &body)?
        {
            return Ok(record);
        }
        let (record, usual_arn) = read_body(columns, &body)?;
        self.0 = Before::new(body.into_owned(), record.clone(), usual_arn);
        Ok(record)
    }
}

impl Before {
    /// None when the body's beginning has another form than expected; then every row is read in full.
    fn new(body: Vec<u8>, record: ExecutionRecord, usual_arn: bool) -> Option<Before> {
        let (_, from_name): (&str, _) = postcard::take_from_bytes(&body).ok()?;
        let (name, after): (&str, _) = postcard::take_from_bytes(from_name).ok()?;
        let name_at = body.len() - from_name.len();
        let arn = record.identity.execution_arn.strip_suffix(name).filter(|_| usual_arn);
        let arn = arn.map(|before_name| (before_name.to_owned(), before_name.len()));
        Some(Before { name: name_at..body.len() - after.len(), body, record, arn })
    }

    /// The execution of a body that is this one but for the name; none when it is another.
    fn but_for_the_name(&mut self, columns: &RowColumns, body: &[u8]) -> Result<Option<ExecutionRecord>, Error> {
        let parts = (self.body.get(..self.name.start), self.body.get(self.name.end..));
        let (Some(head), Some(tail)) = parts else { return Ok(None) };
        let Some(from_name) = body.strip_prefix(head) else { return Ok(None) };
        let Ok((name, after)) = postcard::take_from_bytes::<&str>(from_name) else { return Ok(None) };
        if after != tail {
            return Ok(None);
        }
        let execution_arn = match &mut self.arn {
            Some((arn, before_name)) => {
                arn.truncate(*before_name);
                arn.push_str(name);
                Arc::from(arn.as_str())
            }
            None => Arc::clone(&self.record.identity.execution_arn),
        };
        let (record, identity) = (&self.record, &self.record.identity);
        let identity = Identity {
            execution_arn,
            name: name.into(),
            state_machine_arn: Arc::clone(&identity.state_machine_arn),
            state_machine_name: Arc::clone(&identity.state_machine_name),
            version_arn: identity.version_arn.clone(),
            alias_arn: identity.alias_arn.clone(),
            role_arn: Arc::clone(&identity.role_arn),
            region: Arc::clone(&identity.region),
            started: columns.started,
            express: identity.express,
            test_case: identity.test_case.clone(),
        };
        Ok(Some(ExecutionRecord {
            key: columns.key,
            machine: columns.machine,
            revision_id: Arc::clone(&record.revision_id),
            identity: Arc::new(identity),
            generated_name: record.generated_name,
            status: checked_status(columns)?,
            stopped: columns.stopped,
            last_event: columns.last_event,
            redrive_count: columns.redrive_count,
            redriven: columns.redriven,
            trace_header: record.trace_header.clone(),
            forked_from: record.forked_from.clone(),
        }))
    }
}

/// Reads a row in full; also tells whether the ARN is the usual one.
fn read_body(columns: &RowColumns, body: &[u8]) -> Result<(ExecutionRecord, bool), Error> {
    let (form, rest): (RowV1<'_>, _) = envelope::read_first(WHAT, body)?;
    let (test_case, rest): (Option<TestCaseV1<'_>>, _) = match rest {
        [] => (None, rest),
        rest => envelope::read_first(WHAT, rest).map(|(form, rest)| (Some(form), rest))?,
    };
    let fork: Option<ForkV1<'_>> = match rest {
        [] => None,
        rest => Some(envelope::read_form(WHAT, rest)?),
    };
    let test_case = test_case.filter(|it| !it.test_case.is_empty()).map(|it| it.test_case.into());
    let record = ExecutionRecord {
        key: columns.key,
        machine: columns.machine,
        revision_id: form.revision_id.into(),
        identity: Arc::new(Identity { test_case, ..identity(&form, columns.started)? }),
        generated_name: form.generated_name,
        status: checked_status(columns)?,
        stopped: columns.stopped,
        last_event: columns.last_event,
        redrive_count: columns.redrive_count,
        redriven: columns.redriven,
        trace_header: form.trace_header.map(Arc::from),
        forked_from: fork.map(|it| Arc::new(ForkedFrom { execution_arn: it.execution_arn.into(), event: it.event })),
    };
    Ok((record, matches!(form.execution_arn, TextV1::Usual)))
}

fn checked_status(columns: &RowColumns) -> Result<Status, Error> {
    status_of(columns.status)
        .ok_or_else(|| envelope::damaged(WHAT, format!("status {} does not exist", columns.status)))
}

fn identity(form: &RowV1<'_>, started: Timestamp) -> Result<Identity, Error> {
    let arn = form.state_machine_arn;
    Ok(Identity {
        execution_arn: lengthen(&form.execution_arn, arn, usual_execution_arn(arn, form.name).as_deref())?,
        name: form.name.into(),
        state_machine_arn: arn.into(),
        state_machine_name: lengthen(&form.state_machine_name, arn, usual_machine_name(arn))?,
        version_arn: form.version_arn.as_ref().map(|text| lengthen(text, arn, None)).transpose()?,
        alias_arn: form.alias_arn.as_ref().map(|text| lengthen(text, arn, None)).transpose()?,
        role_arn: form.role_arn.into(),
        region: lengthen(&form.region, arn, usual_region(arn))?,
        started,
        express: form.express,
        test_case: None,
    })
}

fn shorten<'a>(text: &'a str, machine_arn: &str, usual: Option<&str>) -> TextV1<'a> {
    if usual == Some(text) {
        return TextV1::Usual;
    }
    text.strip_prefix(machine_arn).map_or(TextV1::Plain(text), TextV1::AfterMachineArn)
}

fn lengthen(text: &TextV1<'_>, machine_arn: &str, usual: Option<&str>) -> Result<Arc<str>, Error> {
    match text {
        TextV1::Usual => usual.map(Arc::from).ok_or_else(|| envelope::damaged(WHAT, "an ARN has an unknown shape")),
        TextV1::AfterMachineArn(rest) => Ok(format!("{machine_arn}{rest}").into()),
        TextV1::Plain(text) => Ok((*text).into()),
    }
}

/// The last part of the machine's ARN.
fn usual_machine_name(machine_arn: &str) -> Option<&str> {
    machine_arn.rsplit_once(':').map(|(_, name)| name)
}

/// `arn:aws:states:REGION:ACCOUNT:execution:MACHINE:NAME`
fn usual_execution_arn(machine_arn: &str, name: &str) -> Option<String> {
    let (head, machine) = machine_arn.split_once(":stateMachine:")?;
    Some([head, ":execution:", machine, ":", name].concat())
}

/// The fourth part of the machine's ARN.
fn usual_region(machine_arn: &str) -> Option<&str> {
    machine_arn.split(':').nth(3)
}
