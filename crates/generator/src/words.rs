//! The vocabulary of the made-up shop: routes, statements, peers, messages. Invariant: order matters,
//! since earlier entries are drawn more often and the data must never change silently.

/// An HTTP route: method, route, and the path with `#` where a number and `@` where an id goes.
pub(crate) type Route = (&'static str, &'static str, &'static str);

/// Routes, the frequent ones first.
pub(crate) const ROUTES: &[Route] = &[
    ("GET", "/api/v1/products/:id", "/api/v1/products/#?currency=EUR"),
    ("GET", "/api/v1/users/:id/cart", "/api/v1/users/#/cart?session=@"),
    ("GET", "/api/v1/products", "/api/v1/products?page=#&limit=50"),
    ("POST", "/api/v1/users/:id/cart/items", "/api/v1/users/#/cart/items"),
    ("GET", "/api/v1/recommendations", "/api/v1/recommendations?user=#&variant=@"),
    ("POST", "/api/v1/orders", "/api/v1/orders?idempotency=@"),
    ("GET", "/api/v1/orders/:id", "/api/v1/orders/@"),
    ("GET", "/api/v1/users/:id", "/api/v1/users/#"),
    ("PUT", "/api/v1/users/:id/address", "/api/v1/users/#/address"),
    ("GET", "/api/v2/search", "/api/v2/search?term=#&token=@"),
    ("POST", "/api/v1/payments", "/api/v1/payments?attempt=@"),
    ("GET", "/api/v1/shipments/:id/status", "/api/v1/shipments/@/status"),
    ("DELETE", "/api/v1/users/:id/cart/items/:item", "/api/v1/users/#/cart/items/@"),
    ("GET", "/healthz", "/healthz"),
    ("GET", "/api/v1/reviews/:product", "/api/v1/reviews/#?cursor=@"),
    ("PATCH", "/api/v1/stock/:sku", "/api/v1/stock/@"),
];

/// Remote procedures, the frequent ones first.
pub(crate) const PROCEDURES: &[&str] = &[
    "shop.Catalog/GetProduct",
    "shop.Cart/GetCart",
    "shop.Catalog/ListProducts",
    "shop.Currency/Convert",
    "shop.Cart/AddItem",
    "shop.Recommendation/ListFor",
    "shop.Order/Place",
    "shop.Payment/Charge",
    "shop.Shipping/Quote",
    "shop.User/Get",
    "shop.Stock/Reserve",
    "shop.Review/List",
    "shop.Ad/Select",
    "shop.Mail/Send",
];

/// A statement: operation, table, and the text with `#` for a number, `@` for an id.
pub(crate) type Statement = (&'static str, &'static str, &'static str);

/// SQL statements, the frequent ones first.
pub(crate) const STATEMENTS: &[Statement] = &[
    (
        "SELECT",
        "products",
        "SELECT p.id, p.name, p.price, s.left FROM products p JOIN stock s ON s.sku = p.sku WHERE p.id = #",
    ),
    (
        "SELECT",
        "carts",
        "SELECT id, items, total FROM carts WHERE user_id = # AND session = '@' AND closed_at IS NULL",
    ),
    ("SELECT", "users", "SELECT id, email, tier, locale, seen_at FROM users WHERE id = #"),
    ("INSERT", "events", "INSERT INTO events (user_id, product_id, token) VALUES (#, #, '@')"),
    (
        "UPDATE",
        "stock",
        "UPDATE stock SET left = left - 1 WHERE sku = '@' AND left > # RETURNING left",
    ),
    (
        "SELECT",
        "orders",
        "SELECT o.*, count(i.id) FROM orders o JOIN items i ON i.order_id = o.id WHERE o.key = '@' GROUP BY o.id",
    ),
    (
        "INSERT",
        "orders",
        "INSERT INTO orders (user_id, total_cents, key, state) VALUES (#, #, '@', 'new')",
    ),
    ("UPDATE", "users", "UPDATE users SET seen_at = now(), visits = visits + 1 WHERE id = #"),
    ("DELETE", "carts", "DELETE FROM carts WHERE user_id = # AND session <> '@'"),
    ("SELECT", "reviews", "SELECT stars, text, author FROM reviews WHERE product_id = # LIMIT 10"),
];

/// Cache commands, the frequent ones first.
pub(crate) const CACHE_COMMANDS: &[Statement] = &[
    ("GET", "session", "GET session:@"),
    ("GET", "product", "GET product:#"),
    ("HGETALL", "cart", "HGETALL cart:#"),
    ("SET", "session", "SET session:@ EX 3600"),
    ("INCRBY", "rate", "INCRBY rate:# 1"),
];

/// Names of work within a service, the frequent ones first.
pub(crate) const INTERNAL: &[&str] = &[
    "render",
    "authorize",
    "validate",
    "price.compute",
    "serialize",
    "template.load",
    "discount.apply",
    "lock.acquire",
    "image.resize",
    "rules.evaluate",
];

/// Topics, the frequent ones first.
pub(crate) const TOPICS: &[&str] = &[
    "orders.placed",
    "stock.changed",
    "mail.outgoing",
    "payments.settled",
    "audit",
    "search.index",
];

/// Jobs that a timer starts.
pub(crate) const JOBS: &[&str] =
    &["job.reindex", "job.settle-payments", "job.expire-carts", "job.sync-stock", "job.report"];

/// User agents, the frequent ones first.
pub(crate) const USER_AGENTS: &[&str] = &[
    "Mozilla/5.0 (X11; Linux x86_64) Shop/7.1 Gecko",
    "ShopApp/5.22.1 (iOS 19.1)",
    "ShopApp/5.21.0 (Android 16)",
    "Mozilla/5.0 (Windows NT 10.0; Win64) Shop/7.0",
    "partner-sync/2.3",
    "ShopApp/5.19.4 (Android 14)",
    "uptime-probe/1.0",
    "curl/8.9.1",
];

/// Languages and the libraries that make their spans.
pub(crate) const LANGUAGES: &[(&str, &str)] =
    &[("go", "otelhttp"), ("java", "spring-webmvc"), ("python", "fastapi"), ("nodejs", "express")];

/// An error: type, message with `#` and `@` as above.
pub(crate) const ERRORS: &[(&str, &str)] = &[
    ("TimeoutError", "no answer within # ms"),
    ("ConnectionReset", "connection reset by peer"),
    ("NotFound", "no record with id @"),
    ("ConflictError", "version # is stale"),
    ("InvalidArgument", "field quantity must be positive, got -#"),
    ("PoolExhausted", "all # connections are in use"),
    ("PermissionDenied", "token @ lacks a scope"),
];

/// Frames of stack traces.
pub(crate) const FRAMES: &[&str] = &[
    "shop.handlers.Base.dispatch",
    "shop.db.Pool.acquire",
    "shop.db.Query.execute",
    "shop.rpc.Client.invoke",
    "shop.cart.Service.merge",
    "shop.order.Service.place",
    "shop.util.Retry.attempt",
    "shop.net.Socket.read",
    "shop.auth.Token.verify",
    "shop.stock.Ledger.reserve",
];
