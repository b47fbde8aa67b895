//! Where a server listens.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::time::Duration;

use crate::problem::Problem;
use crate::terminal::say;

/// Where a server listens that nobody told otherwise.
pub const LISTEN_DEFAULT: &str = "127.0.0.1:8083";

/// Reads `ADDRESS:PORT`, several separated by commas; `localhost:PORT` stands for both loopback addresses.
///
/// # Errors
/// When it is none.
pub fn parse(text: &str) -> Result<Vec<SocketAddr>, Problem> {
    let mut addresses = Vec::new();
    for part in text.split(',').map(str::trim) {
        match part.strip_prefix("localhost:").map(str::parse) {
            Some(Ok(port)) => addresses.extend(
                [(IpAddr::from(Ipv4Addr::LOCALHOST), port), (IpAddr::from(Ipv6Addr::LOCALHOST), port)]
                    .map(SocketAddr::from),
            ),
            _ => addresses.push(part.parse().map_err(|_| not_an_address(part))?),
        }
    }
    Ok(addresses)
}

fn not_an_address(part: &str) -> Problem {
    Problem::usage(format!("`{part}` is no address to listen on"))
        .help("write ADDRESS:PORT, for example --listen 127.0.0.1:8083, [::1]:8083 or 0.0.0.0:8083")
}

/// Whether a server at these addresses can be reached from this machine only.
pub fn is_loopback(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| address.ip().is_loopback())
}

/// Opens the addresses; when only the IPv4 loopback is asked for, the IPv6 one on the same port too if that is possible,
/// since `localhost` may mean either.
///
/// # Errors
/// When an address is in use, or may not be used.
pub fn open(addresses: &[SocketAddr]) -> Result<Vec<TcpListener>, Problem> {
    let mut listeners = Vec::new();
    for address in addresses {
        listeners.push(bind(*address).map_err(|error| refused(*address, &error))?);
    }
    if let [SocketAddr::V4(only)] = addresses
        && *only.ip() == Ipv4Addr::LOCALHOST
        && let Some(port) = port_of(&listeners)
    {
        match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == ErrorKind::AddrInUse => say(&format!(
                "warning: another process listens on [::1]:{port}, and `localhost` may mean that one; use 127.0.0.1:{port}"
            )),
            Err(_) => {} // a machine without IPv6
        }
    }
    for listener in &listeners {
        lengthen_queue(listener);
        let set = listener.set_nonblocking(true);
        set.map_err(|error| Problem::failed(format!("a listener cannot be used: {error}")))?;
    }
    Ok(listeners)
}

/// Connections that wait to be taken, at most. The standard library's 128 are too few for thousands that come at once: each
/// one beyond them tries again a second later.
#[cfg(unix)]
const QUEUE: i32 = 4096;

/// Where the longer queue is refused, the shorter one stays.
fn lengthen_queue(listener: &TcpListener) {
    #[cfg(unix)]
    if let Err(error) = rustix::net::listen(listener, QUEUE) {
        tracing::debug!(%error, "the queue of connections stays short");
    }
    #[cfg(not(unix))]
    let _ = listener;
}

/// Binds an address. One that is in use is tried again for a moment: a server that was just killed may still be going.
fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    const TRIES: u32 = 10;
    const PAUSE: Duration = Duration::from_millis(50);
    for _ in 1..TRIES {
        match TcpListener::bind(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => std::thread::sleep(PAUSE),
            bound => return bound,
        }
    }
    TcpListener::bind(address)
}

/// The URLs of listeners, in their order.
pub fn urls_of(listeners: &[TcpListener]) -> Vec<String> {
    let addresses = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    addresses.map(|address| format!("http://{address}")).collect()
}

/// The port of the first listener.
pub fn port_of(listeners: &[TcpListener]) -> Option<u16> {
    Some(listeners.first()?.local_addr().ok()?.port())
}

fn refused(address: SocketAddr, error: &std::io::Error) -> Problem {
    let port = address.port();
    match error.kind() {
        ErrorKind::AddrInUse => Problem::failed(format!("port {port} on {} is in use by another process", address.ip()))
            .help(format!(
                "see which one: ss -ltnp 'sport = :{port}' (macOS: lsof -nP -iTCP:{port} -sTCP:LISTEN)\nor choose another port: --listen {}",
                SocketAddr::new(address.ip(), port.checked_add(1).unwrap_or(8083))
            )),
        ErrorKind::PermissionDenied => Problem::failed(format!("this user may not listen on {address}"))
            .help("choose a port from 1024 on: --listen 127.0.0.1:8083"),
        ErrorKind::AddrNotAvailable => Problem::failed(format!("this machine does not have the address {}", address.ip()))
            .help("choose one it has, or 0.0.0.0 for all (IPv4): --listen 0.0.0.0:8083"),
        _ => Problem::failed(format!("cannot listen on {address}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{is_loopback, open, parse, port_of};

    #[track_caller]
    fn check(text: &str, expected: &[&str], loopback: bool) {
        let found = parse(text).unwrap();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), expected, "{text}");
        assert_eq!(is_loopback(&found), loopback, "{text}");
    }

    #[test]
    fn addresses() {
        check("127.0.0.1:8083", &["127.0.0.1:8083"], true);
        check("localhost:80", &["127.0.0.1:80", "[::1]:80"], true);
        check("127.0.0.1:1, [::1]:1", &["127.0.0.1:1", "[::1]:1"], true);
        check("0.0.0.0:8083", &["0.0.0.0:8083"], false);
        for wrong in ["", "8083", "example.com:80", "127.0.0.1", "localhost:x"] {
            assert!(parse(wrong).unwrap_err().to_string().contains("is no address to listen on"), "{wrong}");
        }
    }

    #[test]
    fn a_port_in_use_is_named() {
        let first = open(&parse("127.0.0.1:0").unwrap()).unwrap();
        let port = port_of(&first).unwrap();
        let error = open(&parse(&format!("127.0.0.1:{port}")).unwrap()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} on 127.0.0.1 is in use by another process")), "{error}");
        assert!(error.contains("--listen"), "{error}");
    }
}
