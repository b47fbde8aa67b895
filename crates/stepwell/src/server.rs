//! A running server: its listeners, and its end on a signal.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use crate::problem::{Exit, Problem};
use crate::terminal::say;
use crate::wiring::System;

/// How long requests under way may take once the server is to stop.
const FAREWELL: Duration = Duration::from_secs(10);

/// Answers requests in the background, until told to stop.
pub struct Listening {
    stop: tokio::sync::oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Listening {
    /// Takes no more requests, and finishes those under way.
    pub async fn stop(self) {
        let _ = self.stop.send(()); // it has stopped already
        if tokio::time::timeout(FAREWELL, self.served).await.is_err() {
            tracing::warn!("some requests were still under way and are cut off");
        }
    }
}

/// Begins to answer requests.
///
/// # Errors
/// When a listener cannot be handed to the runtime.
pub fn answer(system: &System, listeners: Vec<TcpListener>) -> Result<Listening, Problem> {
    let told = |error: std::io::Error| Problem::failed(format!("a listener cannot be used: {error}"));
    let mut taken = Vec::with_capacity(listeners.len());
    for listener in listeners {
        taken.push(tokio::net::TcpListener::from_std(listener).map_err(told)?);
    }
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let shutdown = async {
        let _ = stopped.await; // a sender that went away means the same
    };
    let served = tokio::spawn(stepwell_api::serve(taken, Arc::clone(&system.api), shutdown));
    Ok(Listening { stop, served })
}

/// Waits for SIGINT or SIGTERM, then finishes what is under way and stops everything. A second signal ends at once.
///
/// # Errors
/// When the listeners fail before that.
pub async fn until_signal(system: System, mut listening: Listening) -> Result<Exit, Problem> {
    tokio::select! {
        () = signal() => {}
        served = &mut listening.served => {
            system.stop().await;
            let why = served.map_or_else(|error| error.to_string(), |served| served.err().map(|e| e.to_string()).unwrap_or_default());
            return Err(Problem::failed(format!("the server stopped to listen: {why}")));
        }
    }
    say("stopping: requests under way are finished; once more to stop at once");
    let farewell = async {
        listening.stop().await;
        system.stop().await;
    };
    tokio::select! {
        () = farewell => Ok(Exit::Ok),
        () = signal() => Ok(Exit::Failed),
    }
}

/// Waits for the next SIGINT or SIGTERM.
pub async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
            (Ok(mut interrupt), Ok(mut terminate)) => {
                tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            }
            _ => std::future::pending().await,
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
