//! The load: so many connections, each with one request under way, until so many requests are done.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::client::Connection;

/// What a load has measured.
pub struct Measured {
    /// From request to answer, microseconds, in ascending order.
    micros: Vec<u32>,
    /// From the first request to the last answer.
    pub elapsed: Duration,
}

impl Measured {
    /// Measurements in any order.
    pub fn of(mut micros: Vec<u32>, elapsed: Duration) -> Measured {
        micros.sort_unstable();
        Measured { micros, elapsed }
    }

    /// Requests a second.
    pub fn per_second(&self) -> f64 {
        self.micros.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latency that this share (0 to 1) of the requests did not exceed, milliseconds.
    pub fn percentile_millis(&self, share: f64) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        let place = (last as f64 * share).round() as usize;
        self.micros.get(place).map_or(0.0, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Runs asynchronous work on this thread alone, so that the load takes one core and leaves the other to the server.
///
/// # Errors
/// Those of the work.
pub fn run<T>(work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no runtime for the load: {error}"))?;
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

/// Sends `requests` requests over `connections` connections; `request` makes operation and body of each, by its number.
///
/// # Errors
/// The first error that a connection meets.
pub async fn drive(
    address: &str,
    connections: usize,
    requests: u64,
    request: impl Fn(u64) -> (&'static str, String) + 'static,
) -> Result<Measured, String> {
    let mut open = Vec::new();
    for _ in 0..connections {
        open.push(Connection::open(address).await?);
    }
    let request = Rc::new(request);
    let next = Rc::new(Cell::new(0));
    let micros = Rc::new(RefCell::new(Vec::with_capacity(usize::try_from(requests).unwrap_or(0))));
    let begun = Instant::now();
    let mut running = Vec::new();
    for mut connection in open {
        let (request, next, micros) = (Rc::clone(&request), Rc::clone(&next), Rc::clone(&micros));
        running.push(tokio::task::spawn_local(async move {
            while next.get() < requests {
                let number = next.replace(next.get() + 1);
                let (operation, body) = request(number);
                let sent = Instant::now();
                connection.call(operation, &body).await?;
                micros.borrow_mut().push(micros_since(sent));
            }
            Ok::<(), String>(())
        }));
    }
    for one in running {
        one.await.map_err(|error| error.to_string())??;
    }
    let elapsed = begun.elapsed();
    Ok(Measured::of(micros.take(), elapsed))
}

/// Sends `requests` requests over `connections` connections, `per_second` of them a second in all, whether the answers keep
/// up or not. A request that its connection was too busy for is measured from the moment it was due; otherwise from its
/// sending, since timers are no finer than a millisecond, so that requests come in small bursts.
///
/// # Errors
/// The first error that a connection meets.
pub async fn pace(
    address: &str,
    connections: u32,
    requests: u64,
    per_second: u32,
    request: impl Fn(u64) -> (&'static str, String) + 'static,
) -> Result<Measured, String> {
    let request = Rc::new(request);
    let micros = Rc::new(RefCell::new(Vec::with_capacity(usize::try_from(requests).unwrap_or(0))));
    let interval = Duration::from_secs(1) * connections / per_second;
    let each = requests / u64::from(connections);
    let begun = Instant::now() + Duration::from_millis(50);
    let mut running = Vec::new();
    for index in 0..connections {
        let mut connection = Connection::open(address).await?;
        let (request, micros) = (Rc::clone(&request), Rc::clone(&micros));
        let mut due = begun + Duration::from_secs(1) * index / per_second;
        running.push(tokio::task::spawn_local(async move {
            for number in 0..each {
                let (operation, body) = request(number * u64::from(connections) + u64::from(index));
                let busy = Instant::now() > due;
                if !busy {
                    tokio::time::sleep_until(due.into()).await;
                }
                let from = if busy { due } else { Instant::now() };
                connection.call(operation, &body).await?;
                micros.borrow_mut().push(micros_since(from));
                due += interval;
            }
            Ok::<(), String>(())
        }));
    }
    for one in running {
        one.await.map_err(|error| error.to_string())??;
    }
    let elapsed = begun.elapsed();
    Ok(Measured::of(micros.take(), elapsed))
}

/// Microseconds since a moment.
pub fn micros_since(moment: Instant) -> u32 {
    u32::try_from(moment.elapsed().as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::Measured;
    use std::time::Duration;

    #[test]
    fn percentiles_and_rate() {
        let measured = Measured::of((1..=101).rev().map(|millis| millis * 1000).collect(), Duration::from_secs(2));
        assert_eq!(measured.percentile_millis(0.5), 51.0);
        assert_eq!(measured.percentile_millis(0.99), 100.0);
        assert_eq!(measured.per_second(), 50.5);
    }
}
