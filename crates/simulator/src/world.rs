//! The world: one engine, its faulty disk, its services, callers and workers, and time, all driven from one seed.
//!
//! A round lets everything happen that is due, gives the engine one turn and judges what was seen. When nothing is left
//! to do, time goes on to the next moment at which something will happen. Faults are over after a while; then every
//! execution has to end.

use std::sync::Arc;
use std::time::Duration;

use stepwell_engine::{Config, HandDriven, token};
use stepwell_interpreter::{Details, Limits, Progress, Waiting};
use stepwell_store::record::{ActivityRecord, RecordBody};
use stepwell_store::{Error, ExecutionKey, Store, StoredExecution, Write};
use stepwell_value::{Payload, Timestamp};
use tokio::runtime::Runtime;

use crate::agenda::{Event, StartCall};
use crate::callers::{Callers, Workflow};
use crate::clock::VirtualClock;
use crate::damage::Excused;
use crate::desk::{SharedDesk, Violation};
use crate::disk::{Disk, Weather};
use crate::options::Options;
use crate::plan::Plan;
use crate::plant::Plant;
use crate::reads::Reader;
use crate::rng::Rng;
use crate::seen::Seen;
use crate::services::Services;
use crate::workflow;

/// The key of this world's tokens and names.
const SECRET: [u8; 32] = [7; 32];
/// Rounds with faults, at most.
const FAULTY_ROUNDS: u64 = 4_000;
/// How long callers and faults go on at least, in virtual milliseconds.
const FAULTY_MILLIS: u64 = 240_000;
/// Rounds without faults until every execution must have ended.
const CALM_ROUNDS: u64 = 30_000;
/// Idle moments without faults and without anything due, after which an open execution is stuck.
const IDLE_MAX: u32 = 30;
/// How often a start may fail.
const BOOTS_MAX: u32 = 3;
/// How long it takes until the engine is started again when it does not start, in milliseconds.
const BOOT_AGAIN: u64 = 500;
/// The farthest the wall clock may be off, in milliseconds.
const JUMP_MAX: i64 = 3 * 86_400_000;

/// What became of a world.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The property that does not hold.
    pub violation: Option<Violation>,
    /// The hash of everything observable.
    pub digest: u64,
    /// Rounds.
    pub rounds: u64,
    /// Crashes.
    pub crashes: u64,
    /// Executions that were stored.
    pub executions: usize,
    /// History events that were stored.
    pub events: u64,
    /// What was seen, line by line, when it was traced.
    pub lines: Vec<String>,
}

/// A world at work.
pub struct World {
    options: Options,
    plant: Option<Plant>,
    rng: Rng,
    clock: Arc<VirtualClock>,
    weather: Arc<Weather>,
    desk: SharedDesk,
    callers: Callers,
    alive: Option<Alive>,
    disk: Arc<Disk>,
    faulty: bool,
    rounds: u64,
    crashes: u64,
}

/// One incarnation of the engine.
struct Alive {
    engine: HandDriven,
    runtime: Runtime,
}

/// Runs the world of a seed to its end.
pub fn run(seed: u64, options: &Options, plant: Option<Plant>, trace: bool) -> Outcome {
    let mut world = World::new(seed, options, plant, trace);
    world.boot();
    world.faults();
    world.calm();
    world.finish()
}

impl World {
    fn new(seed: u64, options: &Options, plant: Option<Plant>, trace: bool) -> World {
        let mut rng = Rng::new(seed);
        let clock = Arc::new(VirtualClock::default());
        let of_their_own = [Rng::new(!seed), Rng::new(!seed.rotate_left(32))]; // so that a world without them is the same
        let weather = Weather::new(options, plant, &mut rng, of_their_own, &clock);
        let desk = SharedDesk::new(options, rng.fork(), &clock, trace);
        let disk = Disk::new(&weather);
        let mut workflows = Vec::new();
        for index in 0..Options::count(options.machines).max(1) {
            let express = rng.chance(options.express);
            let text = workflow::generate(&mut rng, express, options);
            desk.lock().plans.insert(format!("m{index}"), Plan::read(&text));
            desk.lock().note(&format!("machine m{index}: {text}"));
            workflows.push(Workflow { name: format!("m{index}"), text, express });
        }
        if plant == Some(Plant::EarlyClock) {
            clock.run_ahead(2_000);
        }
        let callers = Callers::new(workflows, &desk, SECRET);
        let mut world = World {
            options: options.clone(),
            plant,
            rng,
            clock,
            weather,
            desk,
            callers,
            alive: None,
            disk,
            faulty: false,
            rounds: 0,
            crashes: 0,
        };
        world.write_script();
        world
    }

    /// Makes the activities, and enters what callers and workers will do.
    fn write_script(&mut self) {
        let activities = workflow::ACTIVITIES.iter().map(|name| {
            let record = ActivityRecord {
                arn: workflow::activity_arn(name).into(),
                name: Arc::from(*name),
                created: self.clock.wall(),
                encryption: None,
                tags: Vec::new(),
            };
            let record = stepwell_engine::registry::record(&workflow::scope(), RecordBody::Activity(record));
            Write::Put(Box::new(record))
        });
        self.disk.commit(&activities.collect::<Vec<_>>(), Box::new(drop));
        let names = Options::count(self.options.names).max(1);
        let mut desk = self.desk.lock();
        for machine in 0..self.callers.machines() {
            let at = if machine == 0 { 0 } else { self.rng.below(60_000) };
            desk.agenda.push(at, Event::MakeMachine(machine));
        }
        for _ in 0..Options::count(self.options.starts) {
            let named = self.rng.chance(0.6);
            let name = named.then(|| format!("run-{}", self.rng.below(names)));
            let machine = usize::try_from(self.rng.below(self.callers.machines() as u64)).unwrap_or(0);
            let mut of_name = Rng::new(self.rng.below(3)); // callers of one name often send the same input
            let input = workflow::input(if named { &mut of_name } else { &mut self.rng });
            let at = self.rng.below(3) * self.rng.below(60_000);
            desk.agenda.push(at, Event::Start(StartCall { machine, name, input }));
        }
        for worker in 0..self.callers.workers() {
            desk.agenda.push(self.rng.below(5_000), Event::Poll(worker));
        }
    }

    // ------------------------------------------------------------------ birth and death of the engine

    fn config(&self) -> Config {
        let mut config = Config::new(SECRET);
        config.executions_in_memory = usize::try_from(Options::count(self.options.executions_in_memory)).unwrap_or(1);
        let transitions = u32::try_from(Options::count(self.options.transitions_per_step)).unwrap_or(1);
        config.limits = Limits { transitions_per_step: transitions, ..Limits::AWS };
        if self.options.history_events > 0.0 {
            config.limits.history_events = Some(Options::count(self.options.history_events));
        }
        config.sabotage = self.plant.and_then(Plant::sabotage);
        config
    }

    /// Starts the engine. When the store cannot be read just then it does not start; whoever watches over it tries again, and
    /// does not for ever.
    fn boot(&mut self) {
        for tries in 1.. {
            self.disk.reads().set_calm(!self.faulty || tries > BOOTS_MAX);
            let Err(error) = self.start() else { break };
            if error.lasts() || !self.faulty {
                return self.violated("recovery", format!("the engine does not start: {error}"));
            }
            self.desk.lock().note(&format!("the engine does not start: {error}"));
            self.clock.advance(BOOT_AGAIN);
        }
        self.disk.reads().set_calm(!self.faulty);
    }

    fn start(&mut self) -> Result<(), Error> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| Error::Damaged { what: "the runtime".into(), why: error.to_string() })?;
        let entropy = match self.plant {
            Some(Plant::Chance) => std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 1),
            _ => self.rng.bits(),
        };
        let entered = runtime.enter();
        let services = Services::new(&self.desk, &self.disk, SECRET);
        let (store, clock) = (Arc::new(Reader(Arc::clone(&self.disk))), Arc::clone(&self.clock));
        let mut engine = HandDriven::new(self.config(), entropy, store, clock, |_| Arc::new(services))?;
        let open = engine.recover()?;
        drop(entered);
        self.desk.lock().note(&format!("started with {open} open executions"));
        let executions = &engine.quarantined();
        self.desk.see(&Seen::Quarantined { executions, started: true }, &self.disk);
        self.alive = Some(Alive { engine, runtime });
        Ok(())
    }

    fn crash(&mut self) {
        self.look();
        self.crashes += 1;
        self.alive = None;
        self.disk = self.disk.reopen();
        self.desk.see(&Seen::Crashed, &self.disk);
        self.callers.crashed();
        self.strike(true);
        self.boot();
    }

    /// Lets stored records be damaged.
    fn strike(&mut self, is_stopped: bool) {
        for part in self.disk.strike(is_stopped) {
            self.desk.see(&Seen::Flipped(&part), &self.disk);
        }
    }

    // ------------------------------------------------------------------ rounds

    /// Lets happen what is due, and gives the engine a turn. Tells whether there was anything to do.
    fn round(&mut self) -> bool {
        self.rounds += 1;
        let mut busy = self.happen_due();
        let Some(alive) = &mut self.alive else { return false };
        if self.rng.chance(0.7) {
            poll(&alive.runtime);
        }
        let messages = 1 + self.rng.below(Options::count(self.options.messages_per_turn));
        busy |= alive.engine.turn(usize::try_from(messages).unwrap_or(1)) > 0;
        busy |= alive.engine.next_due().is_some_and(|due| self.clock.elapsed_at(due) <= self.clock.elapsed());
        let hang_up = self.faulty && self.rng.chance(self.options.hang_up / 5.0);
        if hang_up {
            // Just when a task may be on its way to the worker.
            self.callers.hang_up(usize::try_from(self.rng.below(self.callers.workers() as u64)).unwrap_or(0));
        }
        poll(&alive.runtime);
        for millis in self.weather.take_unreadable() {
            self.desk.lock().note(&format!("the store cannot be read for {millis} ms"));
        }
        for dated in self.weather.take_committed() {
            self.desk.see(&Seen::Committed(&dated), &self.disk);
        }
        if self.rounds.is_multiple_of(16) {
            self.look();
        }
        busy | std::mem::take(&mut self.desk.lock().stirred)
    }

    fn happen_due(&mut self) -> bool {
        let mut busy = false;
        loop {
            let event = self.desk.lock().agenda.pop_due(self.clock.elapsed());
            let (Some(event), Some(alive)) = (event, &self.alive) else { return busy };
            busy |= !matches!(event, Event::Tick);
            self.callers.happen(event, &alive.engine.handle(), &alive.runtime, &self.disk);
        }
    }

    /// Compares executions in memory with the store.
    fn look(&mut self) {
        let Some(alive) = &self.alive else { return };
        for (key, execution) in alive.engine.settled() {
            self.desk.see(&Seen::Looked(key, &execution), &self.disk);
        }
        let executions = &alive.engine.quarantined();
        self.desk.see(&Seen::Quarantined { executions, started: false }, &self.disk);
    }

    /// When something will happen next.
    fn next_moment(&self) -> Option<u64> {
        let now = self.clock.elapsed();
        let engine = self.alive.as_ref().map(|alive| &alive.engine);
        let due = engine.and_then(HandDriven::next_due).map(|due| self.clock.elapsed_at(due));
        let retry = engine.filter(|engine| !engine.is_quiet()).map(|_| now + 501);
        [self.desk.lock().agenda.next(), due, retry].into_iter().flatten().min()
    }

    fn advance_to(&mut self, moment: u64) {
        let millis = moment.saturating_sub(self.clock.elapsed());
        let Some(alive) = self.alive.as_ref().filter(|_| millis > 0) else { return };
        self.clock.advance(millis);
        alive.runtime.block_on(tokio::time::advance(Duration::from_millis(millis)));
    }

    // ------------------------------------------------------------------ with faults, and without

    fn faults(&mut self) {
        self.faulty = true;
        self.set_calm(false);
        let first = self.rounds;
        while self.desk.lock().violation().is_none() && self.rounds - first < FAULTY_ROUNDS {
            if self.clock.elapsed() > FAULTY_MILLIS && !self.desk.lock().agenda.has_starts() {
                return;
            }
            self.misfortune();
            if self.round() {
                continue;
            }
            if self.disk.held() > 0 && self.rng.chance(0.7) {
                let count = 1 + self.rng.below(3);
                self.disk.release(usize::try_from(count).unwrap_or(1));
            } else {
                let moment = self.next_moment().unwrap_or(FAULTY_MILLIS + 1);
                let moment = if self.disk.held() > 0 { moment.min(self.clock.elapsed() + 500) } else { moment };
                self.advance_to(moment);
            }
        }
    }

    /// Retention removes some of what closed long enough ago; at any moment, also when a start has just begun.
    fn expire(&mut self) {
        let kept = Options::count(self.options.retention_seconds);
        let before = Timestamp(self.clock.wall().0 - i64::try_from(kept * 1000).unwrap_or(0));
        let most = 1 + self.rng.below(5);
        let (gone, runs) = self.disk.expire_seen(before, usize::try_from(most).unwrap_or(1));
        if !gone.is_empty() || runs.iter().any(|run| run.is_over(before)) {
            self.desk.see(&Seen::Expired { gone: &gone, before, runs: &runs }, &self.disk);
        }
    }

    /// What befalls the engine as a whole.
    fn misfortune(&mut self) {
        self.strike(false);
        if self.rng.chance(self.options.expire) {
            self.expire();
        }
        if self.rng.chance(self.options.crash) {
            self.crash();
        }
        if self.rng.chance(self.options.clock_jump) {
            let scale = *self.rng.pick(&[5_000, 600_000, 86_400_000]).unwrap_or(&5_000);
            let jump = i64::try_from(self.rng.below(2 * scale)).unwrap_or(0) - i64::try_from(scale).unwrap_or(0);
            let offset = self.clock.wall().0 - crate::clock::EPOCH - i64::try_from(self.clock.elapsed()).unwrap_or(0);
            if (offset + jump).abs() < JUMP_MAX {
                self.desk.lock().note(&format!("the wall clock jumps by {jump} ms"));
                self.clock.jump(jump);
            }
        }
    }

    fn set_calm(&mut self, calm: bool) {
        self.weather.set_calm(calm);
        let mut desk = self.desk.lock();
        desk.calm = calm;
        if calm {
            desk.note("faults are over");
            let now = self.clock.elapsed();
            for (sender, answer) in std::mem::take(&mut desk.silent) {
                desk.agenda.push(now + 1000, Event::Answer(sender, answer));
            }
        }
    }

    /// Without faults every execution ends.
    fn calm(&mut self) {
        self.faulty = false;
        self.set_calm(true);
        let (first, mut idle) = (self.rounds, 0);
        while self.desk.lock().violation().is_none() {
            if self.disk.held() > 0 {
                self.disk.release(usize::MAX);
            }
            if self.rounds - first > CALM_ROUNDS {
                let what = format!("not over after {CALM_ROUNDS} rounds without faults:\n{}", self.describe_open());
                return self.violated("liveness", what);
            }
            if self.round() {
                idle = 0;
                continue;
            }
            let open = self.disk.sound().open_executions(None, usize::MAX).unwrap_or_default().executions;
            let nothing_due = self.alive.as_ref().is_none_or(|alive| {
                alive.engine.next_due().is_none() && alive.engine.is_quiet() && self.desk.lock().agenda.only_polls()
            });
            if nothing_due {
                let parts = self.disk.damaged();
                let excused = Excused::by(self.disk.sound(), &parts);
                if open.iter().all(|execution| excused.holds(execution)) {
                    return;
                }
                idle += 1;
                self.stand_in(&open);
            }
            if idle > IDLE_MAX {
                return self.violated("liveness", format!("stuck:\n{}", self.describe_open()));
            }
            self.advance_to(self.next_moment().unwrap_or(self.clock.elapsed() + 1000));
        }
    }

    /// Answers tasks in the place of workers that died with their tokens.
    fn stand_in(&mut self, open: &[StoredExecution]) {
        for stored in open {
            for frame in stored.frames.values() {
                let Waiting::Task(wait) = &frame.waiting else { continue };
                let events =
                    self.disk.sound().history(stored.record.key, wait.scheduled_event, false, 1).unwrap_or_default();
                let handed_out = match events.first().map(|event| &event.details) {
                    Some(Details::Scheduled { resource, .. }) => resource.contains(":activity:") && wait.started,
                    Some(Details::TaskScheduled { resource, .. }) => {
                        resource.ends_with(".waitForTaskToken") && wait.submitted_event != 0
                    }
                    _ => false,
                };
                if handed_out {
                    let task = token::TaskRef { key: stored.record.key, frame: frame.id, epoch: frame.epoch };
                    let progress = Progress::Succeeded { output: Payload::default() };
                    let callback = Event::Callback(token::encode(&SECRET, task).into(), progress);
                    self.desk.lock().agenda.push(self.clock.elapsed() + 1, callback);
                }
            }
        }
    }

    fn describe_open(&self) -> String {
        let mut text = String::new();
        for stored in self.disk.sound().open_executions(None, 3).unwrap_or_default().executions {
            let key = stored.record.key;
            let events = self.disk.sound().history(key, 1, false, usize::MAX).unwrap_or_default();
            text.push_str(&format!("execution {}: {:?}\n{}", key.0, stored.frames, crate::seen::print(&events)));
        }
        text
    }

    fn violated(&mut self, property: &'static str, what: String) {
        self.desk.lock().violated(property, what);
    }

    fn finish(mut self) -> Outcome {
        self.look();
        let broken = self.desk.lock().violation().is_some();
        if !broken && self.callers.wait_for_express() {
            self.violated("express", "a caller of StartSyncExecution was never answered".to_owned());
        } else if !broken && self.callers.wait_for_start() {
            self.violated("liveness", "a caller of StartExecution was never answered".to_owned());
        } else if !broken {
            self.desk.see(&Seen::Finished, &self.disk);
        }
        let (mut executions, mut events) = (0, 0);
        for key in 1..=self.disk.last_key().map_or(0, |key| key.0) {
            let history = self.disk.sound().history(ExecutionKey(key), 1, false, usize::MAX).unwrap_or_default();
            if !history.is_empty() {
                executions += 1;
                events += history.len() as u64;
                self.desk.lock().note(&format!("execution {key}:\n{}", crate::seen::print(&history)));
            }
        }
        let mut desk = self.desk.lock();
        Outcome {
            violation: desk.violation().cloned(),
            digest: desk.digest(),
            rounds: self.rounds,
            crashes: self.crashes,
            executions,
            events,
            lines: std::mem::take(&mut desk.lines),
        }
    }
}

/// Lets the futures go on that can.
fn poll(runtime: &Runtime) {
    runtime.block_on(async {
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
    });
}
