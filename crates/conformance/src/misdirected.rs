//! Commands that reach a frame which waits for something else; they must change nothing, whatever their epoch.

use stepwell_interpreter::{
    Command, Execution, FailedStage, Failure, Frame, MapRunOutcome, Progress, TimerKind, Waiting,
};
use stepwell_value::Payload;

/// For every open frame, commands of its present epoch that it does not wait for, and one of an epoch to come.
pub(crate) fn commands(execution: &Execution) -> Vec<Command> {
    execution.frames.values().flat_map(to_frame).collect()
}

fn to_frame(frame: &Frame) -> Vec<Command> {
    let (id, epoch) = (frame.id, frame.epoch);
    let timer = |kind: TimerKind| Command::TimerFired { frame: id, epoch, kind };
    let task = |progress: Progress| Command::Task { frame: id, epoch, progress };
    let mut commands = vec![Command::TimerFired { frame: id, epoch: epoch.wrapping_add(1), kind: TimerKind::Resume }];
    if !matches!(frame.waiting, Waiting::Wait { .. } | Waiting::Retry { .. }) {
        commands.push(timer(TimerKind::Resume));
    }
    if !matches!(frame.waiting, Waiting::Task(_)) {
        let failure = Failure::named("Misdirected");
        commands.extend([timer(TimerKind::TaskTimeout), timer(TimerKind::Heartbeat)]);
        commands.extend([
            task(Progress::Started { worker_name: None }),
            task(Progress::Heartbeat),
            task(Progress::Submitted { output: Payload::default() }),
            task(Progress::Succeeded { output: Payload::default() }),
            task(Progress::Failed { failure, stage: FailedStage::Run }),
        ]);
    }
    if !matches!(frame.waiting, Waiting::MapRun(_)) {
        let outcome = MapRunOutcome::Succeeded(Payload::default());
        commands.push(Command::MapRunEnded { frame: id, epoch, outcome });
    }
    commands
}
