//! Deterministic, realistic microservice traces.
