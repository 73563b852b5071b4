//! The toy service, without a database.

use std::net::TcpListener;

use actix_web::web::{self, Json};
use actix_web::{HttpRequest, get, post};
use chassis::etag::{Etagged, IfMatch};
use chassis::http::{self, Readiness};
use chassis::page::{self, Count, CursorKey, Page, Position};
use chassis::problem::Problem;
use chassis::shutdown::CancellationToken;
use chassis::strict_json::{Fault, Faults, Strict, StrictQuery, from_str};
use chassis::text::Line;
use deserr::Deserr;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa_actix_web::service_config::ServiceConfig;

pub struct Bookshop {
    pub url: String,
    stop: CancellationToken,
}

impl Drop for Bookshop {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bookshop {
    pub async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        let ready = Readiness::new(async || Err("the shop is being painted".to_owned()));
        tokio::spawn(http::serve(listener, 1, "Bookshop", routes, ready, stop.clone()));
        Self { url, stop }
    }

    pub async fn get(&self, path: &str) -> (u16, HeaderMap, Value) {
        self.send(reqwest::Client::new().get(format!("{}{path}", self.url))).await
    }

    pub async fn post(&self, body: impl Into<reqwest::Body>) -> (u16, HeaderMap, Value) {
        let request = reqwest::Client::new().post(format!("{}/books/", self.url));
        self.send(request.header("content-type", "application/json").body(body)).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> (u16, HeaderMap, Value) {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (status, headers, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }
}

fn routes(config: &mut ServiceConfig<'_>) {
    let key: CursorKey = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff".parse().unwrap();
    config.app_data(web::Data::new(key)).service(list).service(create).service(read).service(broken);
}

#[derive(Debug, Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct Book {
    title: Line<20>,
    pages: u32,
    #[deserr(default)]
    note: Option<Line<5>>,
    #[deserr(try_from(String) = thirteen_digits -> Fault)]
    isbn: String,
}

fn thirteen_digits(text: String) -> Result<String, Fault> {
    if text.len() == 13 { Ok(text) } else { Err(Fault::new("isbn", "must have 13 digits")) }
}

#[utoipa::path(responses((status = 201)))]
#[post("/books/")]
async fn create(book: Strict<Book>) -> Json<Value> {
    let Book { title, pages, note, isbn } = book.value;
    Json(json!({"title": title, "pages": pages, "note": note, "isbn": isbn}))
}

#[utoipa::path(responses((status = 200)))]
#[get("/books/{id}/")]
async fn read(id: web::Path<i64>, if_match: IfMatch) -> Result<Etagged<Value>, Problem> {
    if_match.check(3)?;
    Ok(Etagged { version: 3, body: json!({"id": *id}) })
}

#[utoipa::path(responses((status = 500)))]
#[get("/broken/")]
async fn broken() -> Result<Json<Value>, Problem> {
    Err(Problem::internal("the secret cause"))
}

#[derive(Deserr)]
#[deserr(error = Faults, deny_unknown_fields)]
struct ListQuery {
    #[deserr(default, try_from(Option<String>) = optional::<u64> -> Fault)]
    page: Option<u64>,
    #[deserr(default, try_from(Option<String>) = optional::<u64> -> Fault)]
    page_size: Option<u64>,
    #[deserr(default)]
    cursor: Option<String>,
    #[deserr(default)]
    search: Option<String>,
}

fn optional<T: std::str::FromStr>(text: Option<String>) -> Result<Option<T>, Fault> {
    text.map(from_str).transpose()
}

#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
struct Filters {
    search: Option<String>,
}

/// Fifty books, numbered.
#[utoipa::path(responses((status = 200)))]
#[get("/books/")]
async fn list(
    http: HttpRequest,
    key: web::Data<CursorKey>,
    query: StrictQuery<ListQuery>,
) -> Result<Json<Page<i64>>, Problem> {
    let ListQuery { page, page_size, cursor, search } = query.0;
    let request = page::request(&key, Filters { search }, page, page_size, cursor)?;
    let limit = usize::try_from(request.size).unwrap() + 1;
    let books = 1..=50_i64;
    let rows: Vec<i64> = match &request.position {
        Position::First => books.take(limit).collect(),
        Position::Offset(n) => books.skip(usize::try_from(*n).unwrap()).take(limit).collect(),
        Position::After(at) => books.filter(|b| *b > at.as_i64().unwrap()).take(limit).collect(),
        Position::Before(at) => books.rev().filter(|b| *b < at.as_i64().unwrap()).take(limit).collect(),
    };
    page::answer(&http, &key, &request, rows, Count { rows: 50, estimated: false }, |book| json!(book)).map(Json)
}
