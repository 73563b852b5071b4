//! PostgreSQL: the pool, its bounds, its spans, and migrations.
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `DATABASE_URL` | `postgres://…` of the role that reads and writes rows | required |
//! | `EHS_DB_POOL_SIZE` | connections at most | 16 |
//! | `EHS_DB_WAIT_MS` | how long a request waits for a connection before it is answered 503 | 2000 |
//! | `EHS_DB_STATEMENT_TIMEOUT_MS` | PostgreSQL's `statement_timeout` | 5000 |

use std::fmt::{self, Write};
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use anyhow::Context;
use diesel::connection::{Instrumentation, InstrumentationEvent};
use diesel::dsl::sql;
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::Bool;
use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::pooled_connection::deadpool;
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolableConnection, RecyclingMethod,
};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};
use secrecy::{ExposeSecret, SecretString};
use tracing::Span;

use crate::env::Env;
use crate::problem::Problem;
use crate::schema::__diesel_schema_migrations;

/// Connections shared by the tasks of a process.
#[derive(Clone)]
pub struct Pool(deadpool::Pool<AsyncPgConnection>);

impl Pool {
    /// A connection, waiting at most [`DbConfig::wait`].
    ///
    /// # Errors
    /// When PostgreSQL is down or every connection stays busy.
    pub async fn get(&self) -> Result<Conn, deadpool::PoolError> {
        Ok(Conn(Some(self.0.get().await?)))
    }
}

/// A connection on loan from a [`Pool`].
///
/// One that comes back in the middle of a transaction, because its request was given up, is closed. In the pool it would hold the
/// transaction's locks until somebody takes it out again.
pub struct Conn(Option<deadpool::Object<AsyncPgConnection>>);

impl Deref for Conn {
    type Target = AsyncPgConnection;

    #[expect(clippy::expect_used, reason = "only `drop` takes it, after which nobody can look")]
    fn deref(&self) -> &AsyncPgConnection {
        self.0.as_ref().expect("on loan")
    }
}

impl DerefMut for Conn {
    #[expect(clippy::expect_used, reason = "as above")]
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        self.0.as_mut().expect("on loan")
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        if let Some(mut lent) = self.0.take()
            && lent.is_broken()
        {
            drop(deadpool::Object::take(lent));
        }
    }
}

/// Settings of the pool; see the module's table.
#[derive(Clone, Debug)]
pub struct DbConfig {
    /// Where PostgreSQL is and as whom to sign in.
    pub url: SecretString,
    /// Connections at most.
    pub pool_size: usize,
    /// How long to wait for a connection.
    pub wait: Duration,
    /// PostgreSQL's own limit on a statement.
    pub statement_timeout: Duration,
}

impl DbConfig {
    /// Reads the settings; `None` means that faults were noted in `env`.
    pub fn read(env: &mut Env) -> Option<Self> {
        let url = env.secret("DATABASE_URL");
        let pool_size = env.or("EHS_DB_POOL_SIZE", 16);
        let wait = env.or("EHS_DB_WAIT_MS", 2_000);
        let timeout = env.or("EHS_DB_STATEMENT_TIMEOUT_MS", 5_000);
        Some(Self {
            url: url?,
            pool_size: pool_size?,
            wait: Duration::from_millis(wait?),
            statement_timeout: Duration::from_millis(timeout?),
        })
    }
}

/// A pool whose connections name themselves `application_name` and bound every statement. Connects lazily.
///
/// # Errors
/// When the URL cannot be read.
pub fn pool(config: &DbConfig, application_name: &str) -> anyhow::Result<Pool> {
    let mut url = url::Url::parse(config.url.expose_secret()).context("DATABASE_URL is not a URL")?;
    url.query_pairs_mut()
        .append_pair("application_name", application_name)
        .append_pair("connect_timeout", "5")
        .append_pair("options", &options(config));
    let mut manager = ManagerConfig::default();
    manager.recycling_method = RecyclingMethod::Fast;
    manager.custom_setup = Box::new(|url| Box::pin(establish(url)));
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(url, manager);
    let pool = deadpool::Pool::builder(manager)
        .max_size(config.pool_size)
        .wait_timeout(Some(config.wait))
        .create_timeout(Some(config.wait))
        .recycle_timeout(Some(config.wait))
        .runtime(::deadpool_redis::Runtime::Tokio1)
        .build()?;
    Ok(Pool(pool))
}

/// What every connection is set to, apart by tabs: a space of a query is written `+`, which the driver takes for a plus sign.
///
/// No translation into machine code, which PostgreSQL does for what it takes for a long query: a report waited longer for that than
/// for its rows.
fn options(config: &DbConfig) -> String {
    format!("-cstatement_timeout={}\t-cjit=off", config.statement_timeout.as_millis())
}

async fn establish(url: &str) -> diesel::ConnectionResult<AsyncPgConnection> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    conn.set_instrumentation(QuerySpans::default());
    Ok(conn)
}

/// A connection, waiting at most [`DbConfig::wait`].
///
/// # Errors
/// 503 when PostgreSQL is down or every connection stays busy.
pub async fn get(pool: &Pool) -> Result<Conn, Problem> {
    pool.get().await.map_err(|fault| Problem::unavailable("the database", fault))
}

/// Applies what is pending of `sources`, in order, as the schema's owner. Returns the names of what was applied.
///
/// # Errors
/// When PostgreSQL cannot be reached or a migration fails; migrations before it stay applied.
pub async fn migrate(url: &SecretString, sources: Vec<EmbeddedMigrations>) -> anyhow::Result<Vec<String>> {
    let conn = AsyncPgConnection::establish(url.expose_secret()).await.context("cannot reach PostgreSQL")?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let mut applied = Vec::new();
    for source in sources {
        let versions = harness.run_pending_migrations(source).map_err(|fault| anyhow::anyhow!(fault))?;
        applied.extend(versions.iter().map(ToString::to_string));
    }
    Ok(applied)
}

const UNREADABLE: &str = "cannot read which migrations the schema has";

/// Refuses to go on when the schema lacks a migration that this binary was built with.
///
/// # Errors
/// Names what is missing.
pub async fn require_migrated(pool: &Pool, sources: Vec<EmbeddedMigrations>) -> anyhow::Result<()> {
    let mut conn = pool.get().await.context("cannot reach PostgreSQL")?;
    let are_there = sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL");
    let are_there: bool = diesel::select(are_there).get_result(&mut conn).await.context(UNREADABLE)?;
    anyhow::ensure!(are_there, "the schema was never migrated: run the `migrate` command first");
    let mut missing = Vec::new();
    for source in sources {
        let migrations: Vec<Box<dyn Migration<Pg>>> = source.migrations().map_err(|fault| anyhow::anyhow!(fault))?;
        for migration in migrations {
            let version: MigrationVersion<'_> = migration.name().version();
            let found: i64 = __diesel_schema_migrations::table
                .filter(__diesel_schema_migrations::version.eq(version.to_string()))
                .count()
                .get_result(&mut conn)
                .await
                .context(UNREADABLE)?;
            if found == 0 {
                missing.push(migration.name().to_string());
            }
        }
    }
    anyhow::ensure!(
        missing.is_empty(),
        "the schema is older than this binary needs: run the `migrate` command first (missing: {})",
        missing.join(", ")
    );
    Ok(())
}

/// One client span per statement, with the statement's text and never its values.
#[derive(Default)]
struct QuerySpans {
    current: Option<Span>,
}

impl Instrumentation for QuerySpans {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let span = tracing::info_span!(
                    "postgresql",
                    otel.kind = "client",
                    db.system.name = "postgresql",
                    db.query.text = tracing::field::Empty,
                );
                if !span.is_disabled() {
                    let mut text = WithoutValues::default();
                    // It stops with an error of its own once it reaches the values.
                    let _ = write!(text, "{query}");
                    span.record("db.query.text", text.statement());
                }
                self.current = Some(span);
            }
            InstrumentationEvent::FinishQuery { error, .. } => {
                if let (Some(span), true) = (&self.current, error.is_some()) {
                    span.record("otel.status_code", "ERROR");
                }
                self.current = None;
            }
            _ => {}
        }
    }
}

/// Diesel prints a query as `SQL -- binds: [values]`; the values are patients' and stay out.
#[derive(Default)]
struct WithoutValues {
    text: String,
}

const VALUES_BEGIN: &str = "-- binds:";
const LONGEST_STATEMENT: usize = 2_000;

impl WithoutValues {
    fn statement(&self) -> &str {
        let text = self.text.split(VALUES_BEGIN).next().unwrap_or_default();
        text.trim_end().trim_end_matches('-').trim_end()
    }
}

impl Write for WithoutValues {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if self.text.contains(VALUES_BEGIN) || self.text.len() > LONGEST_STATEMENT {
            return Err(fmt::Error);
        }
        self.text.push_str(part);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_shows_the_statement_and_no_value() {
        let query = diesel::sql_query("SELECT * FROM patients WHERE phone = $1")
            .bind::<diesel::sql_types::Text, _>("+919876543210");
        let mut text = WithoutValues::default();
        let _ = write!(text, "{}", diesel::debug_query::<Pg, _>(&query));
        assert_eq!(text.statement(), "SELECT * FROM patients WHERE phone = $1");
    }
}
