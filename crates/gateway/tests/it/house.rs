//! A gateway and the server behind it, on free ports.

use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use auth::Role;
use chassis::http::Readiness;
use chassis::redis::Redis;
use chassis::shutdown::CancellationToken;
use futures_util::StreamExt;
use gateway::Gateway;
use gateway::config::Config;
use serde_json::{Value, json};
use testkit::Tokens;
use tokio_util::sync::DropGuard;

pub struct House {
    pub url: String,
    pub token: String,
    pub tokens: Tokens,
    pub client: reqwest::Client,
    stop: CancellationToken,
    _stops: [DropGuard; 2],
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl House {
    pub async fn open() -> Self {
        let tokens = Tokens::new();
        let verifier = tokens.verifier();
        Self::with(tokens, verifier).await
    }

    pub async fn with(tokens: Tokens, verifier: auth::Verifier) -> Self {
        let behind = Behind::start();
        Self::build(&yaml(&behind.url), behind.stop, tokens, verifier, redis())
    }

    /// With these limits, as YAML by name, on its routes; counted in this Redis.
    pub fn with_limits(limits: &[(&str, &str)], redis: Redis) -> Self {
        let (behind, tokens) = (Behind::start(), Tokens::new());
        let names: Vec<&str> = limits.iter().map(|(name, _)| *name).collect();
        let rules: String = limits.iter().map(|(name, rule)| format!("  {name}: {rule}\n")).collect();
        let routes =
            yaml(&behind.url).replace("cluster: behind, auth", &format!("cluster: behind, limits: {names:?}, auth"));
        let verifier = tokens.verifier();
        Self::build(&format!("{routes}limits:\n{rules}"), behind.stop, tokens, verifier, redis)
    }

    /// A gateway in front of another server than the usual one.
    pub fn before(server: &str) -> Self {
        let tokens = Tokens::new();
        let verifier = tokens.verifier();
        Self::build(&yaml(server), CancellationToken::new(), tokens, verifier, redis())
    }

    fn build(yaml: &str, behind: CancellationToken, tokens: Tokens, verifier: auth::Verifier, redis: Redis) -> Self {
        let stop = CancellationToken::new();
        let config = Config::parse(yaml).unwrap();
        let gateway = Gateway::build(&config, verifier, redis).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (routes, stopped) = (gateway.routes(), stop.clone());
        in_thread(async move {
            let ready = Readiness::new(async || Ok(()));
            chassis::http::serve(listener, 2, "gateway", routes, ready, stopped).await.unwrap();
        });
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        let token = tokens.mint(7, Role::Admin);
        Self { url, token, tokens, client, stop: stop.clone(), _stops: [stop.drop_guard(), behind.drop_guard()] }
    }

    /// Asks the gateway to stop, as SIGTERM does.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Where the gateway listens.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.token)).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default() }
    }
}

pub fn yaml(behind: &str) -> String {
    format!(
        r#"
listener: {{address: "127.0.0.1:1", workers: 2, trusted_proxies: ["192.0.2.0/24"]}}
admin: {{address: "127.0.0.1:2"}}
cors: {{origins: ["https://desk.example", "http://localhost:5173"], headers: [Authorization, If-Match], expose: [ETag]}}
routes:
  - {{prefix: "/open/count/", cluster: behind, auth: none, body_limit: 104857600}}
  - {{prefix: "/open/", cluster: behind, auth: none, timeout_ms: 1500, body_limit: 104857600}}
  - {{prefix: "/either/", cluster: behind, auth: optional}}
  - {{prefix: "/closed/", cluster: behind, auth: required, timeout_ms: 5000, body_limit: 1024}}
  - {{prefix: "/outcomes/away/", cluster: nobody, auth: none, errors: fhir}}
  - {{prefix: "/outcomes/", cluster: behind, auth: required, timeout_ms: 500, body_limit: 1024, errors: fhir}}
  - {{prefix: "/keys.json", cluster: behind, auth: none}}
  - {{prefix: "/secret/{{secret}}/calendar.ics", cluster: behind, auth: none}}
  - {{prefix: "/nobody-secret/{{secret}}/calendar.ics", cluster: nobody, auth: none}}
  - {{prefix: "/nobody/", cluster: nobody, auth: none}}
clusters:
  behind: {{endpoints: ["{behind}"], idle_timeout_ms: 700, openapi: true}}
  nobody: {{endpoints: ["http://127.0.0.1:9"], openapi: true}}
"#
    )
}

pub fn in_thread(work: impl Future<Output = ()> + Send + 'static) {
    std::thread::spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(work));
}

/// Requests that wait in `/closed/late/`, of all servers of this process: tests that look run each in their own.
pub static LATE: AtomicUsize = AtomicUsize::new(0);

/// The server behind: tells what it got, counts bodies, is slow or breaks off when asked to.
pub struct Behind {
    pub url: String,
    pub stop: CancellationToken,
}

impl Behind {
    pub fn start() -> Self {
        let stop = CancellationToken::new();
        Self { url: behind(stop.clone()), stop }
    }
}

fn behind(stop: CancellationToken) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    in_thread(async move {
        let app = || {
            App::new()
                .route(
                    "/openapi.json",
                    web::get().to(async || HttpResponse::Ok().json(json!({"paths": {"/open/": {"get": {}}}}))),
                )
                .route(
                    "/open/slow/",
                    web::to(async || {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                        HttpResponse::Ok().finish()
                    }),
                )
                .route(
                    "/closed/late/",
                    web::to(async || {
                        LATE.fetch_add(1, Ordering::SeqCst);
                        tokio::time::sleep(Duration::from_secs(1)).await;
                        HttpResponse::Ok().json(json!({"late": true}))
                    }),
                )
                .route("/outcomes/stuck/", web::to(async || std::future::pending::<HttpResponse>().await))
                .route("/stuck/", web::to(async || std::future::pending::<HttpResponse>().await))
                .route("/garbage/", web::to(async || HttpResponse::Ok().body("<html>no keys here</html>")))
                .route("/no-keys/", web::to(async || HttpResponse::Ok().json(json!({"keys": []}))))
                .route("/open/count/", web::to(count))
                .route("/open/download/", web::to(download))
                .route("/open/trickle/", web::to(trickle))
                .route("/open/empty/", web::to(async || HttpResponse::NoContent().finish()))
                .route(
                    "/open/away/",
                    web::to(async || HttpResponse::Found().insert_header(("location", "/elsewhere")).finish()),
                )
                .route("/open/talkative/", web::to(talkative))
                .default_service(web::to(echo))
        };
        let server = HttpServer::new(app).workers(1).disable_signals().listen(listener).unwrap().run();
        let handle = server.handle();
        tokio::spawn(server);
        stop.cancelled().await;
        handle.stop(false).await;
    });
    url
}

async fn echo(request: HttpRequest) -> HttpResponse {
    let headers: serde_json::Map<String, Value> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("?").into()))
        .collect();
    HttpResponse::Ok()
        .json(json!({"method": request.method().as_str(), "path": request.uri().to_string(), "headers": headers}))
}

/// Says what is the gateway's to say, and what is nobody's business.
async fn talkative() -> HttpResponse {
    let mut answer = HttpResponse::Ok();
    for (name, value) in [
        ("server", "behind/1.2"),
        ("x-powered-by", "a framework"),
        ("x-frame-options", "ALLOWALL"),
        ("strict-transport-security", "max-age=0"),
        ("cache-control", "max-age=60"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
    ] {
        answer.append_header((name, value));
    }
    answer.finish()
}

async fn count(mut payload: web::Payload) -> HttpResponse {
    let mut bytes = 0;
    while let Some(chunk) = payload.next().await {
        match chunk {
            Ok(chunk) => bytes += chunk.len(),
            Err(_) => return HttpResponse::BadRequest().finish(),
        }
    }
    HttpResponse::Ok().json(json!({"bytes": bytes}))
}

async fn download() -> HttpResponse {
    let chunks =
        futures_util::stream::iter((0..1600).map(|_| Ok::<_, actix_web::Error>(web::Bytes::from(vec![7; 65_536]))));
    HttpResponse::Ok().streaming(chunks)
}

/// One chunk at once, the next half a second later.
async fn trickle() -> HttpResponse {
    let chunks = futures_util::stream::unfold(0, |i| async move {
        if i > 0 {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        (i < 2).then(|| (Ok::<_, actix_web::Error>(web::Bytes::from_static(b"chunk")), i + 1))
    });
    HttpResponse::Ok().streaming(chunks)
}

/// Sessions that were ended, in the real Redis.
pub fn revocations() -> auth::Revocations {
    auth::Revocations::new(redis())
}

/// The real Redis.
pub fn redis() -> Redis {
    Redis::new(&testkit::Endpoints::get().redis_config()).unwrap()
}
