//! A small shop that looks into its own traces. Its routes call one another over HTTP, as services do;
//! `treering-opentelemetry` stores their spans in a file, and `/debug/traces` answers questions about
//! them, also about those from before the last restart. Invariant: the shop never waits for its traces.
//!
//! `cargo run -p treering-example-service [ADDRESS] [STORE]`, then
//!
//! ```sh
//! curl localhost:8080/checkout/large # small, slow and broken are carts, too
//! curl -G localhost:8080/debug/traces --data-urlencode 'q={ status = error } !< { status = error }'
//! ```
//!
//! `SHOP_TRACES=made` makes spans and keeps none, `SHOP_TRACES=none` makes none: to compare.

mod client;
mod debug;
mod shop;
mod telemetry;

use std::error::Error;
use std::io::Write;

use axum::Router;
use axum::middleware::from_fn;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use treering::{Options, Store};

use client::Client;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let address = words.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let path = words.next().unwrap_or_else(|| "traces.redb".to_owned());
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    match std::env::var("SHOP_TRACES").as_deref() {
        Ok("none") => runtime.block_on(serve(&address, Router::new()))?,
        Ok("made") => {
            let provider = telemetry::make_only()?;
            runtime.block_on(serve(&address, Router::new()))?;
            provider.shutdown()?;
        }
        Ok("kept") | Err(_) => {
            let store = Store::open(path, Options::default())?;
            let telemetry = telemetry::start(&store)?;
            let debug = debug::routes(store, telemetry.handle.clone());
            runtime.block_on(serve(&address, debug))?;
            telemetry.provider.shutdown()?;
        }
        Ok(other) => return Err(format!("SHOP_TRACES is {other}: kept, made or none").into()),
    }
    Ok(())
}

async fn serve(address: &str, debug: Router) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    writeln!(std::io::stdout(), "listening on http://{address}")?;
    let shop = shop::routes(Client::new(address)).layer(from_fn(telemetry::trace));
    axum::serve(listener, Router::new().merge(shop).merge(debug))
        .with_graceful_shutdown(async {
            // Without signals to wait for it would end at once.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
        .await
}
