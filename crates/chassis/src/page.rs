//! Lists: `{count, next, previous, results}` with keyset cursors, so that page 50,000 costs what page 1 costs.
//!
//! A cursor holds the filters and the position of the last row, sealed (AES-256-GCM): a URL that we write shows no
//! search text and no name, and nobody can alter one.

use std::fmt;
use std::str::FromStr;

use actix_web::HttpRequest;
use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Json};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::{ExposeSecret, SecretBox};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

/// Rows on a page unless asked otherwise.
pub const DEFAULT_SIZE: u64 = 20;
/// Rows on a page at most.
pub const LARGEST_SIZE: u64 = 100;
/// Counts are exact up to here.
pub const EXACT_COUNT: i64 = 10_000;
/// `page=` reaches this many rows in; beyond, cursors do.
const DEEPEST_OFFSET: u64 = 10_000;

/// Seals cursors. The same in all replicas of a service.
#[derive(Clone)]
pub struct CursorKey(std::sync::Arc<SecretBox<[u8; 32]>>);

impl FromStr for CursorKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "it is 64 hexadecimal digits";
        if text.len() != 64 || !text.is_ascii() {
            return Err(WRONG);
        }
        let mut key = [0; 32];
        for (i, byte) in key.iter_mut().enumerate() {
            let digits = text.get(2 * i..2 * i + 2).ok_or(WRONG)?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_why| WRONG)?;
        }
        Ok(Self(std::sync::Arc::new(SecretBox::new(Box::new(key)))))
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(***)")
    }
}

const NONCE: usize = 12;

impl CursorKey {
    /// A key for another purpose, from which this one cannot be told (HMAC-SHA-256).
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.expose_secret());
        let mut derived = [0; 32];
        derived.copy_from_slice(hmac::sign(&key, purpose.as_bytes()).as_ref());
        derived
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, Problem> {
        RandomizedNonceKey::new(&AES_256_GCM, self.0.expose_secret()).map_err(Problem::internal)
    }

    /// Seals what a URL is to carry and nobody is to read there.
    ///
    /// # Errors
    /// 500 when it cannot be written.
    pub fn seal(&self, cursor: &impl Serialize) -> Result<String, Problem> {
        let mut text = serde_json::to_vec(cursor).map_err(Problem::internal)?;
        let nonce = self.cipher()?.seal_in_place_append_tag(Aad::empty(), &mut text).map_err(Problem::internal)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend(text);
        Ok(BASE64_URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was sealed; `None` when it is not ours, or something else.
    ///
    /// # Errors
    /// 500 when the key cannot be used.
    pub fn open<T: DeserializeOwned>(&self, sealed: &str) -> Result<Option<T>, Problem> {
        let Ok(bytes) = BASE64_URL_SAFE_NO_PAD.decode(sealed) else {
            return Ok(None);
        };
        let Some((nonce, text)) = bytes.split_at_checked(NONCE) else {
            return Ok(None);
        };
        let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else {
            return Ok(None);
        };
        let mut text = text.to_vec();
        let Ok(text) = self.cipher()?.open_in_place(nonce, Aad::empty(), &mut text) else {
            return Ok(None);
        };
        Ok(serde_json::from_slice(text).ok())
    }
}

/// Where a page begins. Values are what the service gave as a row's position.
#[derive(Clone, Debug, PartialEq)]
pub enum Position {
    /// At the first row.
    First,
    /// This many rows in.
    Offset(i64),
    /// At the row after this one.
    After(Value),
    /// At the row before this one: fetch in reversed order; [`answer`] turns the rows round.
    Before(Value),
}

/// Which page of what is asked for.
#[derive(Clone, Debug)]
pub struct PageRequest<F> {
    /// The filters: the request's, or those in its cursor.
    pub filters: F,
    /// Rows on the page. Fetch one more: it shows whether there is another page.
    pub size: i64,
    /// Where the page begins.
    pub position: Position,
}

#[derive(Serialize, Deserialize)]
struct Cursor<F> {
    filters: F,
    size: i64,
    at: Value,
    forward: bool,
}

/// Reads `page`, `page_size` and `cursor` of a list's parameters; `filters` are the other ones.
///
/// # Errors
/// 400 for a page below 1 or too deep, a size outside 1 to 100, a cursor that is not ours, or filters beside a cursor.
pub fn request<F>(
    key: &CursorKey,
    filters: F,
    page: Option<u64>,
    page_size: Option<u64>,
    cursor: Option<String>,
) -> Result<PageRequest<F>, Problem>
where
    F: Serialize + DeserializeOwned + Default + PartialEq,
{
    let mut faults = crate::strict_json::Faults::new();
    let size = page_size.unwrap_or(DEFAULT_SIZE);
    if !(1..=LARGEST_SIZE).contains(&size) {
        faults.push("page_size", "out_of_range", format!("must be 1 to {LARGEST_SIZE}"));
    }
    let offset = page.unwrap_or(1).checked_sub(1).and_then(|before| before.checked_mul(size));
    match (page, offset) {
        (Some(0), _) => faults.push("page", "out_of_range", "must be 1 or more"),
        (_, Some(offset)) if offset <= DEEPEST_OFFSET => {}
        _ => faults.push("page", "out_of_range", format!("reaches {DEEPEST_OFFSET} rows in; follow next beyond")),
    }
    if cursor.is_some() && (page.is_some() || filters != F::default()) {
        faults.push("cursor", "not_alone", "stands alone or with page_size: it carries the filters");
    }
    faults.check()?;
    let to_i64 = |n: u64| i64::try_from(n).map_err(Problem::internal);
    let Some(cursor) = cursor else {
        let position = match offset.unwrap_or(0) {
            0 => Position::First,
            offset => Position::Offset(to_i64(offset)?),
        };
        return Ok(PageRequest { filters, size: to_i64(size)?, position });
    };
    let opened: Option<Cursor<F>> = key.open(&cursor)?;
    let Some(cursor) = opened else {
        return Err(Problem::invalid("cursor", "invalid", "is not a cursor of ours"));
    };
    let size = match page_size {
        Some(size) => to_i64(size)?,
        None => cursor.size,
    };
    let position = if cursor.forward { Position::After(cursor.at) } else { Position::Before(cursor.at) };
    Ok(PageRequest { filters: cursor.filters, size, position })
}

/// How many rows there are in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Rows.
    pub rows: i64,
    /// Whether `rows` is PostgreSQL's estimate, as it is above [`EXACT_COUNT`].
    pub estimated: bool,
}

/// One page of a list, as the contract has it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// How many there are in all: exact to 10,000.
    pub count: i64,
    /// Present and true when `count` is an estimate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub count_is_estimate: bool,
    /// The next page, or null.
    pub next: Option<String>,
    /// The previous page, or null.
    pub previous: Option<String>,
    /// The rows.
    pub results: Vec<T>,
}

/// Makes the answer of up to `size + 1` rows, fetched in walking order (reversed for [`Position::Before`]).
/// `position_of` gives what the order is by, such as `[last_name, id]`.
///
/// # Errors
/// 500 when a cursor cannot be sealed.
pub fn answer<T, F: Serialize + Clone>(
    http: &HttpRequest,
    key: &CursorKey,
    request: &PageRequest<F>,
    mut rows: Vec<T>,
    count: Count,
    position_of: impl Fn(&T) -> Value,
) -> Result<Page<T>, Problem> {
    let size = usize::try_from(request.size).map_err(Problem::internal)?;
    let more = rows.len() > size;
    rows.truncate(size);
    let backward = matches!(request.position, Position::Before(_));
    if backward {
        rows.reverse();
    }
    let has_next = if backward { true } else { more };
    let has_previous = if backward { more } else { request.position != Position::First };
    let link = |row: Option<&T>, forward| {
        row.map(|row| {
            let cursor = Cursor { filters: request.filters.clone(), size: request.size, at: position_of(row), forward };
            self::link(http, key, &cursor)
        })
        .transpose()
    };
    Ok(Page {
        count: count.rows,
        count_is_estimate: count.estimated,
        next: link(rows.as_slice().last().filter(|_| has_next), true)?,
        previous: link(rows.as_slice().first().filter(|_| has_previous), false)?,
        results: rows,
    })
}

/// Where the client goes on: the address that it used, which is the gateway's from its `X-Forwarded-*`, with a sealed cursor.
///
/// # Errors
/// 500 when the cursor cannot be sealed.
pub fn link(http: &HttpRequest, key: &CursorKey, cursor: &impl Serialize) -> Result<String, Problem> {
    let connection = http.connection_info();
    Ok(format!("{}://{}{}?cursor={}", connection.scheme(), connection.host(), http.path(), key.seal(cursor)?))
}

/// Counts the rows of `query`: exactly up to [`EXACT_COUNT`], above that as the planner estimates.
/// `query` selects anything and has neither order nor limit. A boxed query, which cannot be cloned, goes to [`count_of`].
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn count<Q>(conn: &mut AsyncPgConnection, query: Q) -> QueryResult<Count>
where
    Q: QueryFragment<Pg> + QueryId + Clone + Send + 'static,
{
    count_of(conn, || query.clone()).await
}

/// As [`count`], of the query that `make` makes each time.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn count_of<Q>(conn: &mut AsyncPgConnection, make: impl Fn() -> Q) -> QueryResult<Count>
where
    Q: QueryFragment<Pg> + QueryId + Send + 'static,
{
    let rows: i64 = Bounded(make()).get_result(conn).await?;
    if rows <= EXACT_COUNT {
        return Ok(Count { rows, estimated: false });
    }
    let plan: Value = Explained(make()).get_result(conn).await?;
    let estimate = plan.pointer("/0/Plan/Plan Rows").and_then(Value::as_i64).unwrap_or(rows);
    Ok(Count { rows: estimate.max(rows), estimated: true })
}

#[derive(QueryId)]
struct Bounded<Q>(Q);

impl<Q> Query for Bounded<Q> {
    type SqlType = BigInt;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Bounded<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT count(*) FROM (");
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(&format!(" LIMIT {}) AS bounded", EXACT_COUNT + 1));
        Ok(())
    }
}

#[derive(QueryId)]
struct Explained<Q>(Q);

impl<Q> Query for Explained<Q> {
    type SqlType = Json;
}

impl<Q: QueryFragment<Pg>> QueryFragment<Pg> for Explained<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.unsafe_to_cache_prepared();
        out.push_sql("EXPLAIN (FORMAT JSON) ");
        self.0.walk_ast(out.reborrow())
    }
}
