//! Activities: how long a task takes to a worker who waits, and how many are worked off.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::Plan;
use crate::bench::client::{Connection, member};
use crate::bench::load::{self, Measured, micros_since};
use crate::bench::report::{Report, Target};
use crate::bench::server::start_body;

const HAND_OVERS: u32 = 500;
const WORKERS: usize = 64;
/// Time for the worker's next request to arrive, so that it waits when the task comes.
const PAUSE: Duration = Duration::from_millis(3);

pub fn run(plan: &Plan, report: &mut Report) -> Result<(), String> {
    let server = plan.server()?;
    let activity = server.activity("answer")?;
    let definition = json!({"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": true}}});
    let machine = server.machine("ask", "STANDARD", &definition)?;
    let body = start_body(&machine, r#"{"n": 1}"#);

    let micros = load::run(hand_overs(server.address().to_owned(), activity.clone(), body.clone()))?;
    let measured = Measured::of(micros, Duration::from_secs(1));
    let name = "activity, one worker waiting";
    let millis = |share| measured.percentile_millis(share);
    report.add(name, "StartExecution sent → task received, p50", millis(0.5), "ms", Target::AtMost(1.0));
    report.add(name, "the same, p99", millis(0.99), "ms", Target::None);

    let tasks = plan.requests / 2;
    load::run(load::drive(server.address(), WORKERS, tasks, move |_| ("StartExecution", body.clone())))?;
    let before = server.usage()?;
    let begun = Instant::now();
    load::run(async { work_off(server.address(), &activity, WORKERS, &Rc::new(Cell::new(tasks))).await })?;
    let seconds = begun.elapsed().as_secs_f64();
    let used = server.usage()?.since(before);
    let name = "activity, 64 workers";
    report.add(name, "tasks worked off", tasks as f64 / seconds, "/s", Target::AtLeast(4_000.0));
    report.add(name, "CPU", used.cpu_seconds * 1000.0 / tasks as f64, "ms each", Target::None);
    report.add(name, "written", used.bytes_written / 1024.0 / tasks as f64, "KiB each", Target::None);
    Ok(())
}

/// Starts executions one by one; a worker waits for the task of each. Gives how long each took to the worker.
async fn hand_overs(address: String, activity: String, start: String) -> Result<Vec<u32>, String> {
    let begun = Rc::new(Cell::new(Instant::now()));
    let (begun_of_worker, worker_address) = (Rc::clone(&begun), address.clone());
    let worker = tokio::task::spawn_local(async move {
        let mut connection = Connection::open(&worker_address).await?;
        let mut micros = Vec::new();
        for _ in 0..HAND_OVERS {
            let task = take(&mut connection, &activity).await?;
            micros.push(micros_since(begun_of_worker.get()));
            answer(&mut connection, &task).await?;
        }
        Ok::<_, String>(micros)
    });
    let mut connection = Connection::open(&address).await?;
    for _ in 0..HAND_OVERS {
        tokio::time::sleep(PAUSE).await;
        begun.set(Instant::now());
        connection.call("StartExecution", &start).await?;
    }
    worker.await.map_err(|error| error.to_string())?
}

/// Lets workers take and answer tasks until `left` is used up.
///
/// # Errors
/// The first error that a worker meets.
pub async fn work_off(address: &str, activity: &str, workers: usize, left: &Rc<Cell<u64>>) -> Result<(), String> {
    let mut running = Vec::new();
    for _ in 0..workers {
        let (address, activity, left) = (address.to_owned(), activity.to_owned(), Rc::clone(left));
        running.push(tokio::task::spawn_local(async move {
            let mut connection = Connection::open(&address).await?;
            while left.get() > 0 {
                left.set(left.get() - 1);
                let task = take(&mut connection, &activity).await?;
                answer(&mut connection, &task).await?;
            }
            Ok::<(), String>(())
        }));
    }
    for one in running {
        one.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

/// Waits for a task; gives its token.
async fn take(connection: &mut Connection, activity: &str) -> Result<String, String> {
    let taken = connection.call("GetActivityTask", &json!({"activityArn": activity}).to_string()).await?;
    member(&taken, "taskToken").map(str::to_owned).ok_or_else(|| format!("no task within a minute: {taken}"))
}

async fn answer(connection: &mut Connection, token: &str) -> Result<(), String> {
    let body = json!({"taskToken": token, "output": r#"{"done": true}"#}).to_string();
    connection.call("SendTaskSuccess", &body).await.map(drop)
}
