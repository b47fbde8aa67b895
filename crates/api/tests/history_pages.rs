//! Histories of 25,000 events are paged forward and backward over HTTP while they are being written: no gap, no repeat.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may stop where it stands

mod common;

use common::{Client, Server};
use stepwell_api::Access;
use stepwell_value::Value;

/// Goes round until the history is full; every round is at least two commits, since its task is called and fails.
const ROUND: &str = r#"{\"StartAt\":\"A\",\"States\":{\"A\":{\"Type\":\"Task\",\"Resource\":\"arn:aws:lambda:us-east-1:123456789012:function:f\",\"Catch\":[{\"ErrorEquals\":[\"States.ALL\"],\"Next\":\"A\"}],\"Next\":\"C\"},\"C\":{\"Type\":\"Succeed\"}}}"#;
const FULL: i64 = 25_000;

fn text<'a>(answer: &'a Value, member: &str) -> &'a str {
    answer.get(member).and_then(Value::as_str).unwrap_or_else(|| panic!("no {member} in {answer}"))
}

/// Ids of all events, from page to page.
async fn ids(client: &mut Client, arn: &str, reverse: bool, size: usize) -> Vec<i64> {
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let body = format!(
            r#"{{"executionArn":"{arn}","maxResults":{size},"reverseOrder":{reverse},"includeExecutionData":false{token}}}"#
        );
        let (status, page) = client.call("GetExecutionHistory", &body).await;
        assert_eq!(status, 200, "{page}");
        let events = page.get("events").and_then(Value::as_array).unwrap();
        found.extend(events.iter().map(|event| event.get("id").and_then(Value::as_i64).unwrap()));
        match page.get("nextToken").and_then(Value::as_str) {
            Some(next) => {
                assert_eq!(events.len(), size, "only the last page is shorter");
                token = format!(r#","nextToken":"{next}""#);
            }
            None => return found,
        }
    }
}

/// Checks a walk through the history; gives how many events there were.
fn check(ids: &[i64], reverse: bool) -> i64 {
    let last = i64::try_from(ids.len()).unwrap();
    let expected: Vec<i64> = if reverse { (1..=last).rev().collect() } else { (1..=last).collect() };
    let gap = ids.iter().zip(&expected).find(|(found, expected)| found != expected);
    assert_eq!(gap, None, "reverse: {reverse}, {last} events");
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_have_no_gaps_and_no_repeats_while_events_are_written() {
    let server = Server::start(Access::default()).await;
    let mut client = server.client().await;
    let machine = format!(r#"{{"name":"round","definition":"{ROUND}","roleArn":"arn:aws:iam::123456789012:role/r"}}"#);
    let (_, made) = client.call("CreateStateMachine", &machine).await;
    let start = format!(r#"{{"stateMachineArn":"{}"}}"#, text(&made, "stateMachineArn"));
    let (_, started) = client.call("StartExecution", &start).await;
    let watched = text(&started, "executionArn");

    let mut seen = Vec::new();
    for (round, size) in [1000, 97, 333, 1000, 499].into_iter().cycle().enumerate() {
        let reverse = round % 2 == 1;

        seen.push(check(&ids(&mut client, watched, reverse, size).await, reverse));
        if seen.last() == Some(&FULL) && seen.len() > 1 {
            break;
        }
    }
    assert!(seen.windows(2).all(|pair| pair[0] <= pair[1]), "a history does not become shorter: {seen:?}");
    assert!(seen[0] < FULL, "it was read while it was written: {seen:?}");
    server.ended(watched).await;
    for (reverse, size) in [(false, 1000), (true, 777)] {
        assert_eq!(check(&ids(&mut client, watched, reverse, size).await, reverse), FULL);
    }
    let (_, last) = client
        .call("GetExecutionHistory", &format!(r#"{{"executionArn":"{watched}","reverseOrder":true,"maxResults":1}}"#))
        .await;
    assert!(last.to_string().contains("maximum number of history events (25000)"), "{last}");
    server.stop().await;
}
