//! The API over an in-memory store, without any integration: `cargo run -p stepwell-api --example serve -- 127.0.0.1:8083`.
//! For trying the API alone; tasks other than activities and callbacks fail.

use std::sync::Arc;

use stepwell_api::{Api, Config, serve};
use stepwell_engine::{Answer, BoxFuture, Call, Dispatcher, Engine, SystemClock};
use stepwell_interpreter::{FailedStage, Failure};
use stepwell_store::MemoryStore;
use tokio::net::TcpListener;

struct Nothing;

impl Dispatcher for Nothing {
    fn call(&self, call: Call) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            let cause = format!("no integration for {}", call.request.resource.arn);
            Answer::Failed(Failure::new("Stepwell.IntegrationNotAvailable", cause), FailedStage::Schedule)
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).init();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8083".to_owned());
    let config = stepwell_engine::Config::new([7; 32]);
    let engine =
        Engine::start(config, Arc::new(MemoryStore::new()), Arc::new(SystemClock), |_| Arc::new(Nothing)).await?;
    let api = Arc::new(Api::new(engine.handle(), Config::default()));
    let listener = TcpListener::bind(&address).await?;
    tracing::info!(%address, "listening");
    serve(vec![listener], api, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await?;
    engine.shutdown();
    Ok(())
}
