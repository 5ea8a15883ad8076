//! The shop: a gateway that calls the cart and the prices, each with a small database of its own behind
//! it. Some carts have what takes long or fails, for there to be something to look for.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use tracing::Instrument;

use crate::client::Client;

/// What is in which cart.
const CARTS: [(&str, &[&str]); 4] = [
    ("small", &["tea"]),
    ("large", &["tea", "coffee", "sugar"]),
    ("slow", &["tea", "saffron"]),
    ("broken", &["tea", "ghost"]),
];

/// What costs how many cents; the last one has no price, and should have.
const PRICES: [(&str, Option<u64>); 5] =
    [("tea", Some(250)), ("coffee", Some(420)), ("sugar", Some(90)), SAFFRON, ("ghost", None)];

/// Its price takes long to find.
const SAFFRON: (&str, Option<u64>) = ("saffron", Some(1_990));
const SAFFRON_TAKES: Duration = Duration::from_millis(80);

type Answer = Result<String, (StatusCode, String)>;

/// The routes of the shop.
pub(crate) fn routes(client: Client) -> Router {
    Router::new()
        .route("/checkout/{cart}", get(checkout))
        .route("/cart/{cart}", get(cart))
        .route("/price/{sku}", get(price))
        .with_state(client)
}

/// What a cart costs in all.
async fn checkout(State(client): State<Client>, Path(cart): Path<String>) -> Answer {
    let failed = |what: &str, failure: &dyn std::fmt::Display| {
        (StatusCode::BAD_GATEWAY, format!("{what}: {failure}\n"))
    };
    let items = client.get(&format!("/cart/{cart}")).await;
    let items = items.map_err(|failure| failed("no cart", failure.as_ref()))?;
    let mut total = 0;
    for sku in items.lines() {
        let price = client.get(&format!("/price/{sku}")).await;
        let price = price.map_err(|failure| failed("no price", failure.as_ref()))?;
        total += price.trim().parse::<u64>().map_err(|error| failed("no price", &error))?;
    }
    Ok(format!("{total} cents\n"))
}

/// What is in a cart, an item a line.
async fn cart(Path(cart): Path<String>) -> Answer {
    let select = async { CARTS.iter().find(|(name, _)| *name == cart) };
    let span = tracing::info_span!(
        "SELECT items",
        otel.kind = "client",
        db.system = "memory",
        db.operation = "SELECT",
        cart,
    );
    let Some((_, items)) = select.instrument(span).await else {
        return Err((StatusCode::NOT_FOUND, format!("there is no cart {cart}\n")));
    };
    Ok(items.join("\n"))
}

/// What an item costs, in cents.
async fn price(Path(sku): Path<String>) -> Answer {
    let select = async {
        if sku == SAFFRON.0 {
            tokio::time::sleep(SAFFRON_TAKES).await;
        }
        let found = PRICES.iter().find(|(name, _)| *name == sku);
        if matches!(found, Some((_, None))) {
            tracing::error!("the price is missing");
        }
        found
    };
    let span = tracing::info_span!(
        "SELECT price",
        otel.kind = "client",
        db.system = "memory",
        db.operation = "SELECT",
        sku,
    );
    match select.instrument(span).await {
        Some((_, Some(cents))) => Ok(format!("{cents}\n")),
        Some((_, None)) => {
            Err((StatusCode::INTERNAL_SERVER_ERROR, format!("{sku} has no price\n")))
        }
        None => Err((StatusCode::NOT_FOUND, format!("there is no {sku}\n"))),
    }
}
