//! The threads: one for each loop, and the start and end of the engine.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use stepwell_store::{Error, Store};
use tokio::sync::oneshot;

use crate::activities::Activities;
use crate::clock::Clock;
use crate::config::Config;
use crate::definitions::Definitions;
use crate::handle::Handle;
use crate::integration::Dispatcher;
use crate::known::KnownMachines;
use crate::shard::recovery::{Open, read_open};
use crate::shard::{Message, Shard};
use crate::shared::{Mailbox, Shared};

/// The longest a loop sleeps; then it looks at the clock again (a wall clock may jump).
const NAP_MAX: Duration = Duration::from_secs(1);
/// Messages a loop takes before it looks at its timers and commits.
const MESSAGES_PER_TURN: usize = 1024;
/// How long a loop waits for more messages before it commits fewer than it did lately …
const LINGER: Duration = Duration::from_micros(100);
/// … and how often. Measured with 64 connections: a third less processor time an execution, half the bytes a commit writes,
/// and no loss of throughput, since those who would be answered earlier would only wait for the next commit.
const LINGERS_MAX: u32 = 5;

/// Pages that may be read before a loop has taken up the first of them.
const PAGES_AHEAD: usize = 4;

/// A running engine.
pub struct Engine {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// Open executions that were taken up at the start.
    pub recovered: usize,
    /// Open executions that could not be: they are damaged, and stay as they are.
    pub quarantined: usize,
}

impl Engine {
    /// Starts the loops and sets up again what open executions wait for. Must be called in a tokio runtime; `dispatcher`
    /// is made with a handle of the engine, since some integrations start executions.
    ///
    /// # Errors
    /// When the store cannot be read, or a thread cannot be made.
    pub async fn start(
        config: Config,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        dispatcher: impl FnOnce(Handle) -> Arc<dyn Dispatcher>,
    ) -> Result<Engine, Error> {
        let incarnation = RandomState::new().build_hasher().finish();
        let (shared, receivers) = build(config, incarnation, store, clock, dispatcher)?;
        let mut threads = Vec::with_capacity(receivers.len());
        for (index, receiver) in receivers.into_iter().enumerate() {
            threads.push(spawn_loop(Arc::clone(&shared), index, receiver)?);
        }
        let found = recover(&shared).await?;
        let quarantined = shared.quarantine.count();
        Ok(Engine { shared, threads, recovered: found.saturating_sub(quarantined), quarantined })
    }

    /// A handle to ask it through.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Ends the loops and closes the store. What was acknowledged is durable already; calls under way are made again
    /// after the next start.
    pub fn shutdown(self) {
        for mailbox in &self.shared.mailboxes {
            let _ = mailbox.sender.send(Message::Shutdown);
        }
        for thread in self.threads {
            let _ = thread.join();
        }
        self.shared.store.close();
    }
}

/// Builds what the loops share, and the mailboxes they read.
fn build(
    config: Config,
    incarnation: u64,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    dispatcher: impl FnOnce(Handle) -> Arc<dyn Dispatcher>,
) -> Result<(Arc<Shared>, Vec<mpsc::Receiver<Message>>), Error> {
    let loops = config.loops.max(1);
    let mut receivers = Vec::with_capacity(loops);
    let mut mailboxes = Vec::with_capacity(loops);
    for _ in 0..loops {
        let (sender, receiver) = mpsc::channel();
        receivers.push(receiver);
        mailboxes.push(Mailbox { sender, waiting: Arc::new(AtomicUsize::new(0)) });
    }
    let next_key = AtomicU64::new(store.last_key()?.0 + 1);
    let late = Arc::new(LateDispatcher::default());
    let shared = Arc::new(Shared {
        config,
        store,
        clock,
        dispatcher: Arc::clone(&late) as Arc<dyn Dispatcher>,
        definitions: Definitions::default(),
        incarnation,
        known_machines: KnownMachines::default(),
        activities: Activities::default(),
        map_runs: crate::map_run_updates::Changeable::default(),
        map_run_stops: crate::map_run_stops::Stops::default(),
        quarantine: crate::quarantine::Quarantine::default(),
        runtime: tokio::runtime::Handle::current(),
        mailboxes,
        next_key,
        registry_lock: tokio::sync::Mutex::new(()),
    });
    late.set(dispatcher(Handle::new(Arc::clone(&shared))));
    Ok((shared, receivers))
}

/// One loop that is driven by hand: no thread, no waiting. For the simulator and for tests with virtual time; dropping it
/// is a crash.
pub struct HandDriven {
    shared: Arc<Shared>,
    shard: Shard,
    receiver: mpsc::Receiver<Message>,
}

impl HandDriven {
    /// Makes the loop. Must be called in a tokio runtime, on which the calls of tasks will run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn new(
        config: Config,
        entropy: u64,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        dispatcher: impl FnOnce(Handle) -> Arc<dyn Dispatcher>,
    ) -> Result<HandDriven, Error> {
        let (shared, receivers) = build(Config { loops: 1, ..config }, entropy, store, clock, dispatcher)?;
        let Some(receiver) = receivers.into_iter().next() else {
            return Err(Error::Backend("there is no loop".to_owned()));
        };
        let shard = Shard::new(Arc::clone(&shared), 0).with_entropy(entropy);
        Ok(HandDriven { shared, shard, receiver })
    }

    /// Sets up what open executions wait for; tells how many there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn recover(&mut self) -> Result<usize, Error> {
        self.shard.recover()
    }

    /// A handle to ask it through; answers come while it is turned.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.shared))
    }

    /// Takes at most so many messages, then does what is due and commits. Tells how many messages it took.
    pub fn turn(&mut self, messages: usize) -> usize {
        let mut taken = 0;
        while taken < messages
            && let Ok(message) = self.receiver.try_recv()
        {
            if let Some(mailbox) = self.shared.mailboxes.first() {
                mailbox.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            self.shard.take(message);
            taken += 1;
        }
        self.shard.turn();
        taken
    }

    /// When it has something to do by itself.
    pub fn next_due(&self) -> Option<stepwell_value::Timestamp> {
        self.shard.next_due()
    }

    /// The executions in memory of which everything is durable, by key: they must be the same in the store.
    pub fn settled(&self) -> Vec<(stepwell_store::ExecutionKey, stepwell_interpreter::Execution)> {
        self.shard.settled_executions()
    }

    /// The executions that cannot go on, and why, by key.
    pub fn quarantined(&self) -> Vec<(stepwell_store::ExecutionKey, String)> {
        self.shared.quarantine.all()
    }

    /// Whether no commit is under way or prepared.
    pub fn is_quiet(&self) -> bool {
        self.shard.is_quiet()
    }
}

/// A dispatcher that is set once, after the engine's handle exists.
#[derive(Default)]
struct LateDispatcher(std::sync::OnceLock<Arc<dyn Dispatcher>>);

impl LateDispatcher {
    fn set(&self, dispatcher: Arc<dyn Dispatcher>) {
        let _ = self.0.set(dispatcher);
    }
}

impl Dispatcher for LateDispatcher {
    fn call(&self, call: crate::Call) -> crate::BoxFuture<'static, crate::Answer> {
        match self.0.get() {
            Some(dispatcher) => dispatcher.call(call),
            None => Box::pin(std::future::pending()),
        }
    }
}

/// Reads the open executions once and lets each loop take up its own; a loop does nothing else until it has all of them.
async fn recover(shared: &Arc<Shared>) -> Result<usize, Error> {
    let (mut replies, mut loops) = (Vec::new(), Vec::new());
    for mailbox in &shared.mailboxes {
        let (reply, taken_up) = oneshot::channel();
        let (sender, pages) = mpsc::sync_channel(PAGES_AHEAD);
        mailbox.waiting.fetch_add(1, Ordering::Relaxed);
        let _ = mailbox.sender.send(Message::Recover { pages, reply });
        replies.push(taken_up);
        loops.push(sender);
    }
    let reader = Arc::clone(shared);
    let read = tokio::task::spawn_blocking(move || hand_out(&reader, &loops)).await;
    for reply in replies {
        let gone = || Error::Backend("a loop of the engine has ended while it recovered".to_owned());
        reply.await.map_err(|_| gone())??;
    }
    read.map_err(|error| Error::Backend(format!("the open executions cannot be read: {error}")))?
}

/// Reads all open executions and sends each to its loop; tells how many there are.
fn hand_out(shared: &Shared, loops: &[mpsc::SyncSender<Vec<Open>>]) -> Result<usize, Error> {
    read_open(shared, |page| {
        let mut parts: Vec<Vec<Open>> = loops.iter().map(|_| Vec::new()).collect();
        for open in page {
            if let Some(part) = parts.get_mut(shared.loop_of(open.key)) {
                part.push(open);
            }
        }
        for (sender, part) in loops.iter().zip(parts) {
            let _ = sender.send(part); // a loop that could not go on says so itself
        }
    })
}

fn spawn_loop(shared: Arc<Shared>, index: usize, receiver: mpsc::Receiver<Message>) -> Result<JoinHandle<()>, Error> {
    let builder = std::thread::Builder::new().name(format!("shards-{index}"));
    let spawned = builder.spawn(move || run(shared, index, &receiver));
    spawned.map_err(|error| Error::Backend(format!("a thread cannot be made: {error}")))
}

/// The loop: sleeps until a message comes or a timer is due, takes what there is, acts, commits.
fn run(shared: Arc<Shared>, index: usize, receiver: &mpsc::Receiver<Message>) {
    let Some(waiting) = shared.mailboxes.get(index).map(|mailbox| Arc::clone(&mailbox.waiting)) else { return };
    let clock = Arc::clone(&shared.clock);
    let mut shard = Shard::new(shared, index);
    loop {
        let nap = match shard.next_due() {
            Some(due) => Duration::from_millis(due.millis_since(clock.now())).min(NAP_MAX),
            None => NAP_MAX,
        };
        let mut next = match receiver.recv_timeout(nap) {
            Ok(message) => Some(message),
            Err(mpsc::RecvTimeoutError::Timeout) => None,
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        let (mut taken, mut lingered) = (0, 0);
        while let Some(message) = next {
            waiting.fetch_sub(1, Ordering::Relaxed);
            if !shard.take(message) {
                return;
            }
            taken += 1;
            next = if taken < MESSAGES_PER_TURN { receiver.try_recv().ok() } else { None };
            while next.is_none() && lingered < LINGERS_MAX && shard.expects_company() {
                lingered += 1;
                std::thread::sleep(LINGER);
                next = receiver.try_recv().ok();
            }
        }
        shard.turn();
    }
}
