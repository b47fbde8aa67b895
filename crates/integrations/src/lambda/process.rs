//! One child process in a process group of its own, which ends when we end, however we end.
//!
//! A watcher in the same group reads from a pipe whose other end only we hold. When the pipe closes (we ended, even by
//! `kill -9`), it kills the group. This needs no `unsafe` and works for any program; `PR_SET_PDEATHSIG` would need `unsafe` and
//! would fire when the thread that started the child ends.

use std::{
    collections::BTreeMap,
    io,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::{
    process::{Child, ChildStdin, Command},
    sync::watch,
};

use super::logs::{FunctionLog, LogStream};

/// Starts the watcher in the background, then becomes the program. The program gets an empty standard input, and is not the
/// watcher's parent, so that a program which waits for its children waits for its own only.
const WATCHED: &str =
    r#"exec 3<&0 </dev/null; ( { read -r _ <&3; kill -9 0; } >/dev/null 2>&1 & ); exec 3<&-; exec "$@""#;

/// A running function process. Dropping it kills its whole process group.
pub(super) struct Process {
    group: Group,
    exit: watch::Receiver<Option<ExitStatus>>,
    _lifeline: ChildStdin,
}

impl Process {
    /// Starts a program with exactly this environment. Its output goes to the log.
    pub(super) fn start(
        words: &[PathBuf],
        folder: &Path,
        environment: &BTreeMap<String, String>,
        log: &FunctionLog,
    ) -> io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(WATCHED).arg("stepwell-function").args(words).current_dir(folder);
        command.env_clear().envs(environment);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn()?;
        let (Some(lifeline), Some(stdout), Some(stderr), Some(group)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take(), Group::led_by(&child))
        else {
            return Err(io::Error::other("the process has no pipes"));
        };
        tokio::spawn(log.clone().read(LogStream::Stdout, stdout));
        tokio::spawn(log.clone().read(LogStream::Stderr, stderr));
        let (tell, exit) = watch::channel(None);
        tokio::spawn(async move {
            let status = child.wait().await.unwrap_or_else(|_| ExitStatus::from_raw(0));
            group.kill(); // what the function started, and the watcher
            tell.send_replace(Some(status));
        });
        Ok(Self { group, exit, _lifeline: lifeline })
    }

    /// Waits until the process has ended.
    pub(super) async fn ended(&self) -> ExitStatus {
        let mut exit = self.exit.clone();
        let status = exit.wait_for(Option::is_some).await.ok().and_then(|status| *status);
        status.unwrap_or_else(|| ExitStatus::from_raw(0))
    }

    /// Says whether it still runs: asks the system, because tokio learns of an end a little later.
    pub(super) fn is_running(&self) -> bool {
        self.exit.borrow().is_none() && self.group.leader_runs()
    }

    /// Gives the process group.
    pub(super) fn group(&self) -> Group {
        self.group
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exit.borrow().is_none() {
            self.group.kill();
        }
    }
}

/// A process group, known by the process that leads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group(Pid);

impl Group {
    fn led_by(child: &Child) -> Option<Self> {
        child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw).map(Self)
    }

    /// Kills all of it. A group that is gone already is no error.
    pub(super) fn kill(self) {
        let _ = kill_process_group(self.0, Signal::KILL);
    }

    /// Says whether the leading process has not ended; it is left to be reaped by whoever waits for it.
    fn leader_runs(self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(self.0), options), Ok(None))
    }

    /// Gives the number of the leading process.
    #[cfg(test)]
    pub(super) fn id(self) -> i32 {
        self.0.as_raw_nonzero().get()
    }
}

/// Says how a process ended in Lambda's words: `exit status 1`, `signal: killed`; nothing for a proper end.
pub(super) fn words_of(status: ExitStatus) -> Option<String> {
    match (status.code(), status.signal()) {
        (Some(0), _) => None,
        (Some(code), _) => Some(format!("exit status {code}")),
        (None, signal) => Some(format!("signal: {}", signal_words(signal.unwrap_or_default()))),
    }
}

/// Names a signal as Go, in which Lambda is written, does.
fn signal_words(signal: i32) -> String {
    let words = match signal {
        1 => "hangup",
        2 => "interrupt",
        3 => "quit",
        4 => "illegal instruction",
        6 => "aborted",
        7 => "bus error",
        8 => "floating point exception",
        9 => "killed",
        11 => "segmentation fault",
        13 => "broken pipe",
        14 => "alarm clock",
        15 => "terminated",
        other => return format!("signal {other}"),
    };
    words.to_owned()
}
