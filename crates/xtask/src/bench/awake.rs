//! Keeps a processor awake. With one request at a time both processors go to sleep between two requests, and a virtual one takes
//! longer to wake up than the request takes: what is measured then is the machine below. A program of the lowest priority
//! that never sleeps keeps out of the way of the others and leaves no processor idle for long.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The argument that makes this program one that never sleeps.
pub const STAY_AWAKE: &str = "--stay-awake";

/// How long it stays awake when nobody ends it.
const LONGEST: Duration = Duration::from_secs(60);

/// Ends it when dropped.
pub struct Awake(Child);

impl Awake {
    /// Begins to keep a processor awake.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn begin() -> Result<Awake, String> {
        let own = std::env::current_exe().map_err(|error| format!("this program's path: {error}"))?;
        let mut command = Command::new("nice");
        command.args(["-n", "19"]).arg(own).args(["bench", STAY_AWAKE]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map(Awake).map_err(|error| format!("{command:?}: {error}"))
    }
}

impl Drop for Awake {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it may have ended already
        let _ = self.0.wait();
    }
}

/// Stays awake.
pub fn stay() -> String {
    let begun = Instant::now();
    while begun.elapsed() < LONGEST {
        (0..10_000).for_each(|_| std::hint::spin_loop());
    }
    String::new()
}
