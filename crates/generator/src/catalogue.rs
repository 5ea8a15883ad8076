//! The services of the made-up shop, their pods and libraries. Invariant: spans of one pod share one
//! resource, spans of one library one scope.

use std::sync::Arc;

use treering::model::{Attribute, InstrumentationScope, Resource};

use crate::rng::{Rng, mix};
use crate::words::LANGUAGES;

/// `service.name` of the ingress gateway.
pub const GATEWAY: &str = "istio-ingressgateway.istio-system";

/// Services besides the gateway: `service-a.default` to `service-x.default`.
pub(crate) const SERVICES: usize = 24;

/// Pods of each service.
const PODS: u64 = 3;

/// One running copy of a service.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    /// The service's place in the catalogue: 0 is `service-a`.
    pub(crate) service: usize,
    /// Its host name within the mesh.
    pub(crate) host: Arc<str>,
    /// Shared by the pod's spans.
    pub(crate) resource: Arc<Resource>,
    /// The library that makes the application's spans.
    pub(crate) library: Arc<InstrumentationScope>,
    /// True where the application is called by gRPC, false for HTTP.
    pub(crate) speaks_grpc: bool,
}

/// All pods and the scopes that services share.
#[derive(Debug, Clone)]
pub(crate) struct Catalogue {
    services: Vec<Vec<Pod>>,
    gateway: Pod,
    /// The proxy's scope: gateway and sidecars.
    pub(crate) proxy: Arc<InstrumentationScope>,
    /// The database drivers' scope.
    pub(crate) driver: Arc<InstrumentationScope>,
}

impl Catalogue {
    /// The catalogue: the same for every seed, so that questions about it can be written down.
    pub(crate) fn new() -> Self {
        let services = (0..SERVICES).map(|service| pods_of(service).collect()).collect();
        let proxy = scope("envoy", "1.34.2");
        let gateway = Pod {
            service: SERVICES,
            host: Arc::from(GATEWAY),
            resource: resource(GATEWAY, "istio-system", 0, "cpp"),
            library: Arc::clone(&proxy),
            speaks_grpc: false,
        };
        Self { services, gateway, proxy, driver: scope("database-client", "3.9.0") }
    }

    /// One of the pods of `service`; a gateway where there is no such service.
    pub(crate) fn pod(&self, service: usize, rng: &mut Rng) -> Pod {
        let pod = usize::try_from(rng.below(PODS)).unwrap_or(0);
        let found = self.services.get(service).and_then(|pods| pods.get(pod));
        found.unwrap_or(&self.gateway).clone()
    }

    /// The gateway.
    pub(crate) fn gateway(&self) -> Pod {
        self.gateway.clone()
    }
}

fn pods_of(service: usize) -> impl Iterator<Item = Pod> {
    let number = u8::try_from(service).unwrap_or(0);
    let host: Arc<str> = Arc::from(format!("service-{}.default", char::from(b'a' + number)));
    let (language, library) =
        LANGUAGES.get(service % LANGUAGES.len()).copied().unwrap_or(("go", "otelhttp"));
    let library = scope(library, &format!("1.{}.0", service % 7 + 3));
    (0..PODS).map(move |pod| Pod {
        service,
        host: Arc::clone(&host),
        resource: resource(&host, "default", pod, language),
        library: Arc::clone(&library),
        speaks_grpc: service >= 4 && service.is_multiple_of(2),
    })
}

fn resource(service: &str, namespace: &str, pod: u64, language: &str) -> Arc<Resource> {
    let short = service.split('.').next().unwrap_or(service);
    let salt = service.bytes().fold(pod, |salt, byte| mix(salt ^ u64::from(byte)));
    let name = format!("{short}-{:08x}-{:05x}", mix(salt ^ 1) >> 32, salt >> 44);
    let version = format!("2.{}.{}", salt % 30, salt >> 8 & 7);
    Arc::new(Resource {
        attributes: vec![
            Attribute::new("service.name", service),
            Attribute::new("service.version", version),
            Attribute::new("k8s.pod.name", name),
            Attribute::new("k8s.namespace.name", namespace),
            Attribute::new("telemetry.sdk.language", language),
        ],
        ..Resource::default()
    })
}

fn scope(name: &str, version: &str) -> Arc<InstrumentationScope> {
    Arc::new(InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        ..InstrumentationScope::default()
    })
}
