//! Every planted bug is found, by the property that is made for it.

// Helpers of tests are tests, too; clippy's exception covers only the functions marked `#[test]`.
#![allow(clippy::panic)]

use stepwell_simulator::{Options, Plant, run_checked, run_seed, shrink};

/// Seeds in which a planted bug must show.
const SEEDS: u64 = 600;

#[track_caller]
fn check(plant: Plant) {
    let mut others = Vec::new();
    for seed in 0..SEEDS {
        match run_seed(seed, Some(plant)).violation {
            Some(found) if found.property == plant.property() => return,
            Some(found) => others.push(found.property),
            None => {}
        }
    }
    panic!("{plant:?} is not noticed by `{}` in {SEEDS} seeds, only by {others:?}", plant.property());
}

macro_rules! planted {
    ($($test:ident $plant:ident,)*) => {
        $(
            #[test]
            fn $test() {
                check(Plant::$plant);
            }
        )*

        #[test]
        fn every_planted_bug_has_its_test() {
            assert_eq!([$(Plant::$plant,)*].as_slice(), Plant::ALL);
        }
    };
}

planted! {
    a_forgotten_write ForgottenWrite,
    acknowledged_before_synced NoSync,
    a_name_twice NameTwice,
    a_machine_key_twice KeyTwice,
    a_terminal_event_twice TerminalTwice,
    a_broken_chain BrokenChain,
    an_illegal_trace IllegalTrace,
    an_illegal_trace_after_a_redrive IllegalRedrive,
    a_forgotten_client_token ForgottenToken,
    a_miscounted_redrive MiscountedRedrive,
    an_eager_expiry EagerExpiry,
    expired_children_of_a_map_run ExpiredChildren,
    a_map_run_that_is_still_asked_for UnaskedMapRuns,
    what_map_runs_leave_behind LeftRevisions,
    unchecked_damage UncheckedDamage,
    untold_damage UntoldDamage,
    damage_that_spreads SpreadDamage,
    a_stored_express_execution StoredExpress,
    an_early_clock EarlyClock,
    an_early_timer EarlyTimer,
    effects_before_commit EffectsBeforeCommit,
    reply_before_commit ReplyBeforeCommit,
    a_lost_answer LostAnswer,
    stale_at_once StaleAtOnce,
    no_fence NoFence,
    lost_timers LostTimers,
    lost_tasks LostTasks,
    lost_continue LostContinue,
    lost_reads LostReads,
    a_blamed_workflow BlamedWorkflow,
    a_wrong_frame WrongFrame,
    chance Chance,
}

#[track_caller]
fn check_shrinking(plant: Plant) -> Options {
    let fails = |seed: &u64| run_seed(*seed, Some(plant)).violation.is_some_and(|it| it.property == plant.property());
    let seed = (0..SEEDS).find(fails).unwrap_or(0);
    let drawn = Options::draw(seed);
    let small = shrink::shrink(seed, &drawn, Some(plant));
    let outcome = run_checked(seed, &small, Some(plant), false);
    assert_eq!(outcome.violation.map(|found| found.property), Some(plant.property()));
    assert!(small.starts <= drawn.starts, "{small}");
    small
}

#[test]
fn shrinking_keeps_the_failure() {
    assert_eq!(check_shrinking(Plant::BrokenChain).crash, 0.0);
    assert!(check_shrinking(Plant::UncheckedDamage).flip > 0.0);
}
