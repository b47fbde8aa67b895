//! The `sync-` host: SDKs put it before the host name for StartSyncExecution and TestState, so that the name must resolve.

use std::net::ToSocketAddrs;
use std::time::Duration;

/// How long a name may take to resolve.
const LOOKUP_TIMEOUT: Duration = Duration::from_millis(700);

/// Host names of this machine whose `sync-` form may resolve, the plainest first.
const LOCAL_NAMES: [&str; 2] = ["localhost", "states.localhost"];

/// The host name to hand to SDKs, as far as this machine resolves names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalHost {
    /// This name and its `sync-` form lead to this machine.
    Name(&'static str),
    /// None of the names does: 127.0.0.1 works for all operations but the two with the prefix.
    AddressOnly,
}

/// Looks for a name that works for all operations.
pub async fn local_host() -> LocalHost {
    for name in LOCAL_NAMES {
        if leads_here(name).await && leads_here(&format!("sync-{name}")).await {
            return LocalHost::Name(name);
        }
    }
    LocalHost::AddressOnly
}

/// Whether a name resolves to addresses of this machine only.
async fn leads_here(name: &str) -> bool {
    let name = name.to_owned();
    let lookup = tokio::task::spawn_blocking(move || {
        let found = (name.as_str(), 0).to_socket_addrs();
        found.is_ok_and(|found| {
            let addresses: Vec<_> = found.collect();
            !addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback())
        })
    });
    matches!(tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await, Ok(Ok(true)))
}

/// What to do when no name works: one line for the aws CLI and boto3, one for all SDKs.
pub fn advice(port: u16) -> [String; 2] {
    [
        "aws CLI and boto3: export AWS_DISABLE_HOST_PREFIX_INJECTION=true".to_owned(),
        format!(
            "every SDK: echo '127.0.0.1 sync-localhost' | sudo tee -a /etc/hosts, then use http://localhost:{port}"
        ),
    ]
}
