//! Writes seeds of the target `stored` into a folder: real stored forms, in the order of bytes that the target reads.
//! `cargo run --manifest-path fuzz/Cargo.toml --example stored_seeds -- fuzz/corpus/stored`

use std::path::Path;

use stepwell_interpreter::{Source, Waiting};
use stepwell_store::format::{encode_chunk, encode_content, encode_frame, encode_row};
use stepwell_store::sample::{Case, frame, full_frame, map_run_wait, record, varied_batches};
use stepwell_value::Payload;

fn main() {
    let folder = std::env::args().nth(1).expect("name the folder");
    let write = |name: &str, form: u8, columns: usize, bytes: Vec<u8>| {
        // 0: the bytes as they are; 1: sealed again, compressed; 2: sealed again, raw.
        let envelope = if bytes[1] == 1 { 1 } else { 2 };
        let mut seed = vec![form, envelope];
        seed.resize(2 + columns, 0);
        seed.extend_from_slice(&bytes[7..]);
        std::fs::write(Path::new(&folder).join(name), seed).expect("the folder can be written");
    };
    for (at, batch) in varied_batches(7).iter().enumerate().take(3) {
        write(&format!("chunk{at}"), 0, 0, encode_chunk(batch).expect("a chunk"));
        write(&format!("small{at}"), 0, 0, encode_chunk(&batch[..1]).expect("a chunk"));
    }
    let payload = Payload::from_text("[1, 2]").expect("JSON");
    let held = stepwell_interpreter::Held { payload: payload.clone(), source: Source::EventOutput(3) };
    write("frame", 1, 0, encode_frame(&full_frame(3, 1, &payload)).expect("a frame"));
    let waits = frame(1, 9, Source::EventInput(2), payload.clone(), Waiting::MapRun(map_run_wait(held)));
    write("frame_map_run", 1, 0, encode_frame(&waits).expect("a frame"));
    write("row", 2, 18, encode_row(&record(&Case::named(4, 2, "night"))).expect("a row"));
    write("content", 4, 0, encode_content(&payload));
    write(
        "content_long",
        4,
        0,
        encode_content(&Payload::from_text(format!("[\"{}\"]", "ab".repeat(300))).expect("JSON")),
    );
}
