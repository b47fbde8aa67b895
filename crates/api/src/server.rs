//! The HTTP server: listeners, connections, the orderly end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::access::Access;
use crate::api::Api;
use crate::http;
use crate::slow::Patient;

/// How long requests under way may take when the server stops.
const GRACE: Duration = Duration::from_secs(5);
/// How long a client may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// A timer that is set before all others wakes up the thread that waits for connections, a system call for each; and the
/// timeouts of requests are often the only timers there are. One that is always set, and earlier than they, prevents that.
const FIRST_TIMER: Duration = Duration::from_secs(10);
/// How long to wait when a connection cannot be taken (too many open files).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API on these listeners until `shutdown` is done: then no connection is taken any more, long polls are
/// answered, and requests under way get five seconds.
///
/// # Errors
/// When [`Access::AnyOnLoopback`] is to be served on an address that is not loopback, or a listener has no address.
pub async fn serve(listeners: Vec<TcpListener>, api: Arc<Api>, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    for listener in &listeners {
        check_address(listener, &api.config.access)?;
    }
    let stop = watch::Sender::new(false);
    let mut first_timer = JoinSet::new(); // ended when it is dropped
    first_timer.spawn(async {
        loop {
            tokio::time::sleep(FIRST_TIMER).await;
        }
    });
    let mut accepting = JoinSet::new();
    for listener in listeners {
        accepting.spawn(accept(listener, Arc::clone(&api), stop.subscribe()));
    }
    shutdown.await;
    api.stop();
    stop.send_replace(true);
    while accepting.join_next().await.is_some() {}
    Ok(())
}

fn check_address(listener: &TcpListener, access: &Access) -> io::Result<()> {
    let address = listener.local_addr()?;
    match access {
        Access::AnyOnLoopback { .. } if !address.ip().is_loopback() => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{address} is not a loopback address: configure keys to listen there"),
        )),
        _ => Ok(()),
    }
}

/// Takes connections until the server stops, then waits for those that are open.
async fn accept(listener: TcpListener, api: Arc<Api>, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => {}
            taken = listener.accept() => match taken {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&api), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection cannot be taken");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let orderly = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(GRACE, orderly).await; // what is left is cut off when the set is dropped
}

/// Waits until the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await.is_ok(); // a sender that is gone means the same
}

/// Serves one connection: requests one after the other, kept alive.
async fn connection(stream: TcpStream, api: Arc<Api>, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true); // answers are small and written at once
    let number = api.awake.connection();
    let service = service_fn(move |request| {
        let api = Arc::clone(&api);
        async move {
            let _working = api.awake.working(number);
            Ok::<_, std::convert::Infallible>(http::answer(&api, request).await)
        }
    });
    let builder = {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
        builder
    };
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Patient::new(stream)), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
