//! A shard's loop: it owns executions, takes messages, steps, commits, and only then replies and performs effects.
//!
//! [`Shard`] is the loop's data and what it does with one message; the thread around it is in `driver`. It never blocks
//! but for reads of the store.

pub(crate) mod again;
mod answers;
mod commit;
mod effects;
mod map_runs;
pub(crate) mod recovery;
mod redrive;
mod start;
mod stepping;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, mpsc};

use stepwell_asl::Definition;
use stepwell_interpreter::{
    Command, Details, Execution, Failure, FrameId, MapRunOutcome, Progress, Status, Transition,
};
use stepwell_store::record::ExecutionRecord;
use stepwell_store::{Committed, Error, ExecutionKey};
use stepwell_value::{Payload, Timestamp};
use tokio::sync::oneshot;

use crate::integration::Cancelled;
use crate::keyed::mixed;
use crate::shared::Shared;
use crate::timers::Timers;
use crate::token::TaskRef;

/// What a loop is told.
pub(crate) enum Message {
    /// Start an execution.
    Start(Box<NewExecution>),
    /// Open a closed execution again; `again`: it was asked before, when something of the execution was not durable yet.
    Redrive { reopened: Box<Reopened>, reply: oneshot::Sender<Applied>, again: bool },
    /// Apply a command; the reply comes when it is durable.
    Command { key: ExecutionKey, command: Command, reply: Option<oneshot::Sender<Applied>> },
    /// News of a task: from its call (`from_call`), or by its token.
    Task { task: TaskRef, progress: Progress, from_call: bool, reply: Option<oneshot::Sender<Applied>> },
    /// A callback that overtook its call was held long enough.
    Overtaken { task: TaskRef },
    /// A Map Run has ended.
    MapRun { task: TaskRef, outcome: MapRunOutcome },
    /// Tell when the execution has ended.
    WhenEnded { key: ExecutionKey, reply: oneshot::Sender<()> },
    /// The group that was being committed is durable, or has failed.
    Committed(Committed),
    /// Submit the failed group again.
    RetryCommit,
    /// What could not be done while the store could not be read.
    Again(Box<Message>),
    /// Read an execution and set up what it waits for: it was given up in memory.
    Revive { key: ExecutionKey },
    /// Stop the children of those of these Map Runs that have ended.
    StopOrphans { map_runs: BTreeSet<Arc<str>> },
    /// Set up what these open executions wait for, until no page comes any more; sent once, before anything else.
    Recover { pages: mpsc::Receiver<Vec<recovery::Open>>, reply: oneshot::Sender<Result<(), Error>> },
    /// End the loop.
    Shutdown,
}

/// An execution to start.
pub(crate) struct NewExecution {
    pub record: ExecutionRecord,
    pub execution: Execution,
    pub definition: Arc<Definition>,
    pub reply: oneshot::Sender<StartReply>,
    /// Set for StartSyncExecution: told how it ended.
    pub ended: Option<oneshot::Sender<Ended>>,
    /// The execution's first Transition, when it was made already: of a fork, or of one that is not stored.
    pub made: Option<Transition>,
}

/// A closed execution as it goes on, and the Transition that opens it.
pub(crate) struct Reopened {
    pub key: ExecutionKey,
    pub execution: Execution,
    pub transition: Transition,
    pub definition: Arc<Definition>,
}

/// What became of a start.
#[derive(Debug)]
pub(crate) enum StartReply {
    Started,
    NameTaken(ExecutionKey),
    /// The store does not take writes now.
    Unavailable(String),
}

/// How an execution ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ended {
    pub status: Status,
    pub stopped: Timestamp,
    pub output: Option<Payload>,
    pub failure: Failure,
}

impl Ended {
    /// How a Transition has ended its execution, when it has.
    pub fn of(transition: &Transition) -> Option<Ended> {
        let (status, stopped) = transition.closed?;
        let (mut output, mut failure) = (None, Failure::default());
        match transition.events.last().map(|event| &event.details) {
            Some(Details::Output { output: found }) => output = Some(found.clone()),
            Some(Details::Failure(found)) => failure = found.clone(),
            _ => {}
        }
        Some(Ended { status, stopped, output, failure })
    }
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applied {
    /// It was applied and is durable.
    Yes,
    /// It came too late: nobody waits for it.
    Stale,
    /// There is no such open execution.
    NotOpen,
    /// The task is one of an activity that does not exist any more.
    NoActivity,
    /// The store could not be read.
    Failed,
}

/// An execution in memory.
pub(crate) struct Live {
    pub execution: Execution,
    pub definition: Arc<Definition>,
    /// Express executions are not stored.
    pub stored: bool,
    /// Writes of it that are not durable yet.
    pub uncommitted: u32,
    pub ended: Option<oneshot::Sender<Ended>>,
}

/// An answer by token and who waits for its being taken.
type EarlyAnswer = (Progress, Option<oneshot::Sender<Applied>>);

/// A loop's data.
pub(crate) struct Shard {
    shared: Arc<Shared>,
    index: usize,
    lives: HashMap<ExecutionKey, Live>,
    timers: Timers,
    /// Calls under way.
    calls: HashMap<TaskRef, (tokio::task::AbortHandle, Cancelled)>,
    /// Map Runs under way.
    map_runs: HashMap<TaskRef, Arc<str>>,
    /// Answers by token that came before the call itself had answered.
    early: HashMap<TaskRef, Vec<EarlyAnswer>>,
    /// Who waits for an execution's end.
    waiters: HashMap<ExecutionKey, Vec<oneshot::Sender<()>>>,
    /// Executions whose step used up its budget.
    unfinished: VecDeque<ExecutionKey>,
    /// What is to be done again after a pause.
    put_off: usize,
    /// What the next commit will hold.
    batch: commit::Group,
    /// What is being committed.
    committing: Option<commit::Group>,
    /// What groups were like lately.
    recent_group: commit::Recent,
    /// Why the last commit failed; nothing is started until one succeeds.
    stalled: Option<String>,
    entropy: u64,
}

impl Shard {
    pub fn new(shared: Arc<Shared>, index: usize) -> Shard {
        Shard {
            shared,
            index,
            lives: HashMap::new(),
            timers: Timers::default(),
            calls: HashMap::new(),
            map_runs: HashMap::new(),
            early: HashMap::new(),
            waiters: HashMap::new(),
            unfinished: VecDeque::new(),
            put_off: 0,
            batch: commit::Group::default(),
            committing: None,
            recent_group: commit::Recent::default(),
            stalled: None,
            entropy: RandomState::new().build_hasher().finish(),
        }
    }

    /// The same shard with a random sequence that depends on `entropy` alone.
    pub fn with_entropy(mut self, entropy: u64) -> Shard {
        self.entropy = entropy;
        self
    }

    /// Takes one message. `false`: the loop ends.
    pub fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Start(new) => self.start(*new),
            Message::Redrive { reopened, reply, again } => self.redrive(*reopened, reply, again),
            Message::Command { key, command, reply } => self.command(key, &command, reply),
            Message::Task { task, progress, from_call, reply } => self.task(task, progress, from_call, reply),
            Message::Overtaken { task } => self.overtaken(task),
            Message::MapRun { task, outcome } => {
                self.calls.remove(&task);
                self.map_runs.remove(&task);
                let command = Command::MapRunEnded { frame: task.frame, epoch: task.epoch, outcome };
                self.command(task.key, &command, None);
            }
            Message::WhenEnded { key, reply } => self.when_ended(key, reply),
            Message::Committed(outcome) => self.committed(outcome),
            Message::RetryCommit => self.commit_again(),
            Message::Again(message) => {
                self.put_off = self.put_off.saturating_sub(1);
                return self.take(*message);
            }
            Message::Revive { key } => self.revive_when_readable(key),
            Message::StopOrphans { map_runs } => self.stop_orphans(map_runs),
            Message::Recover { pages, reply } => {
                let _ = reply.send(self.take_up(pages));
            }
            Message::Shutdown => return false,
        }
        true
    }

    /// What is due now: timers, and executions that were cut off by their budget.
    pub fn turn(&mut self) {
        let now = self.shared.clock.now();
        while let Some((key, which)) = self.timers.take_due(now) {
            self.timer_fired(key, which);
        }
        for _ in 0..self.unfinished.len() {
            if let Some(key) = self.unfinished.pop_front() {
                self.command(key, &Command::Continue, None);
            }
        }
        self.submit();
        self.make_room();
    }

    /// When the loop has something to do by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        if self.unfinished.is_empty() { self.timers.next() } else { Some(Timestamp(0)) }
    }

    /// Whether nothing is under way but waiting; tests and shutdown ask.
    pub fn is_quiet(&self) -> bool {
        let is_idle = self.unfinished.is_empty() && self.put_off == 0;
        self.committing.is_none() && self.batch.is_empty() && is_idle
    }

    /// Executions in memory of which everything is durable, by key.
    pub fn settled_executions(&self) -> Vec<(ExecutionKey, Execution)> {
        let settled = self.lives.iter().filter(|(_, live)| live.stored && live.uncommitted == 0);
        let mut settled: Vec<_> = settled.map(|(key, live)| (*key, live.execution.clone())).collect();
        settled.sort_by_key(|(key, _)| *key);
        settled
    }

    fn when_ended(&mut self, key: ExecutionKey, reply: oneshot::Sender<()>) {
        let runs = || match self.shared.store.load(key) {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.lasts() => Ok(true), // one that is damaged has not ended
            Err(error) => Err(error),
        };
        match if self.lives.contains_key(&key) { Ok(true) } else { runs() } {
            Ok(true) => self.waiters.entry(key).or_default().push(reply),
            Ok(false) => drop(reply.send(())),
            Err(error) => self.ask_again(Message::WhenEnded { key, reply }, &error),
        }
    }

    /// The next 64 random bits.
    fn entropy(&mut self) -> u64 {
        self.entropy = self.entropy.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.entropy)
    }

    /// Forgets parked executions beyond what may stay in memory: those that were started first, so that chance has no part
    /// in which have to be read again.
    fn make_room(&mut self) {
        let room = self.shared.config.executions_in_memory;
        if self.lives.len() <= room {
            return;
        }
        let surplus = self.lives.len() - room * 9 / 10;
        let parked = self.lives.iter().filter(|(_, live)| live.stored && live.uncommitted == 0);
        let mut parked: Vec<ExecutionKey> = parked.map(|(key, _)| *key).collect();
        if surplus < parked.len() {
            parked.select_nth_unstable(surplus);
            parked.truncate(surplus);
        }
        for key in parked {
            self.lives.remove(&key);
        }
    }

    /// The reference of a frame's task.
    fn task_ref(key: ExecutionKey, frame: FrameId, epoch: u32) -> TaskRef {
        TaskRef { key, frame, epoch }
    }
}
