//! A database per test, cloned from a template that was migrated once.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    process::Command,
    time::{Duration, UNIX_EPOCH},
};

use anyhow::{Context, ensure};
use chassis::db::{DbConfig, Pool};
use diesel::{
    migration::{Migration, MigrationSource},
    pg::Pg,
    prelude::*,
    sql_types::{BigInt, Bool, Text},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use diesel_migrations::EmbeddedMigrations;
use tokio::sync::OnceCell;
use url::Url;
use uuid::Uuid;

use crate::{Endpoints, block_on_elsewhere, endpoints::workspace};

/// One template is made at a time, by whichever process comes first.
const TEMPLATE_LOCK: i64 = 0x6568_735f_7465_7374;
const PASSWORD: &str = "test";

/// A database that a test has to itself.
pub struct TestDb {
    /// Signs in as the role that reads and writes rows.
    pub app_url: String,
    /// Signs in as the schema's owner.
    pub owner_url: String,
    /// Signs in as a superuser.
    pub superuser_url: String,
    name: String,
    service: String,
    pool: OnceCell<Pool>,
}

impl TestDb {
    /// A database with the service's schema and roles, and these migrations applied in this order.
    pub async fn new(service: &str, migrations: Vec<EmbeddedMigrations>) -> Self {
        let template = Template::of(service, &migrations);
        template.make(service, migrations).await.expect("a migrated template");
        let name = format!("t_{service}_{}", Uuid::now_v7().simple());
        clone(&template.name, &name).await.expect("a clone of the template");
        Self {
            app_url: url_of(&name, Some(&format!("{service}_app"))),
            owner_url: url_of(&name, Some(&format!("{service}_owner"))),
            superuser_url: url_of(&name, None),
            name,
            service: service.to_owned(),
            pool: OnceCell::new(),
        }
    }

    /// A pool of the role that reads and writes rows; the same at every call.
    pub async fn pool(&self) -> Pool {
        let pool = || async { chassis::db::pool(&self.config(), "test").expect("a pool") };
        self.pool.get_or_init(pool).await.clone()
    }

    /// Settings of a pool, as a service reads them, with waits that a busy machine keeps.
    pub fn config(&self) -> DbConfig {
        DbConfig {
            url: self.app_url.clone().into(),
            pool_size: 16,
            wait: Duration::from_secs(20),
            statement_timeout: Duration::from_secs(20),
        }
    }

    /// A connection of the role that reads and writes rows, outside the pool.
    pub async fn connect(&self) -> AsyncPgConnection {
        AsyncPgConnection::establish(&self.app_url).await.expect("a connection")
    }

    /// Runs SQL as the superuser, in the service's schema. Several statements may be given.
    pub async fn sql(&self, sql: &str) {
        let mut conn = self.superuser().await;
        diesel_async::SimpleAsyncConnection::batch_execute(&mut conn, sql).await.expect("SQL that runs");
    }

    /// Answers a query for one whole number, such as `SELECT count(*) FROM outbox`.
    pub async fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Number {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }
        let mut conn = self.superuser().await;
        let query = format!("SELECT number::bigint FROM ({sql}) AS found (number)");
        diesel::sql_query(query).get_result::<Number>(&mut conn).await.expect("SQL that answers a number").number
    }

    /// From its next connection on PostgreSQL keeps plans for any values, as it does sooner or later of what is asked often.
    pub async fn plan_for_any_values(&self) {
        self.sql(&format!("ALTER DATABASE {} SET plan_cache_mode = force_generic_plan", self.name)).await;
    }

    /// Rows of a table that the service has looked at until now. Its sessions end for it: that is when they tell.
    pub async fn looked_at(&self, table: &str) -> i64 {
        let ended = format!(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 10000)) FROM pg_stat_activity \
             WHERE datname = current_database() AND usename = '{}_app'",
            self.service
        );
        self.number(&ended).await;
        let read = format!(
            "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE schemaname = '{}' AND relname = '{table}'",
            self.service
        );
        self.number(&read).await
    }

    async fn superuser(&self) -> AsyncPgConnection {
        let mut conn = AsyncPgConnection::establish(&self.superuser_url).await.expect("a connection");
        let path = format!("SET search_path = {}, extensions", self.service);
        diesel::sql_query(path).execute(&mut conn).await.expect("a search path");
        conn
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        block_on_elsewhere(async move {
            let mut conn = cluster().await.expect("PostgreSQL");
            diesel::sql_query(statement).execute(&mut conn).await.expect("the database is dropped");
        });
    }
}

/// The name of a database to clone: whose it is, of which build, with which migrations.
struct Template {
    /// Begins the names of the same test program's templates for a service, whenever it was built.
    program: String,
    /// Begins those of this build. A migration's text cannot be seen from here, so a template is never older than the program.
    build: String,
    name: String,
}

impl Template {
    fn of(service: &str, migrations: &[EmbeddedMigrations]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let built = program.metadata().and_then(|file| file.modified()).expect("its time");
        let stem = program.file_stem().unwrap_or_default().to_string_lossy();
        let name = stem.rsplit_once('-').map_or(&*stem, |(name, _hash)| name);
        let names: Vec<String> = migrations
            .iter()
            .flat_map(|source| MigrationSource::<Pg>::migrations(source).expect("embedded migrations"))
            .map(|migration| migration.name().to_string())
            .collect();
        let home = (name, program.parent(), std::env::var_os("CARGO_MANIFEST_DIR"));
        let program_of = format!("tpl_{service}_{}_", short_hash(&home));
        let build =
            format!("{program_of}{}_", short_hash(&(&program, built.duration_since(UNIX_EPOCH).unwrap_or_default())));
        let name = format!("{build}{}", short_hash(&names));
        Self { program: program_of, build, name }
    }

    async fn make(&self, service: &str, migrations: Vec<EmbeddedMigrations>) -> anyhow::Result<()> {
        let mut conn = cluster().await?;
        if self.is_ready(&mut conn).await? {
            return Ok(());
        }
        diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(TEMPLATE_LOCK).execute(&mut conn).await?;
        if self.is_ready(&mut conn).await? {
            return Ok(());
        }
        self.drop_superseded(&mut conn).await?;
        let name = &self.name;
        diesel::sql_query(format!("CREATE DATABASE {name}")).execute(&mut conn).await?;
        let (service, migrated) = (service.to_owned(), name.clone());
        tokio::task::spawn_blocking(move || provision_and_migrate(&service, &migrated, migrations)).await??;
        diesel::sql_query(format!("ALTER DATABASE {name} WITH is_template true")).execute(&mut conn).await?;
        Ok(())
    }

    /// Marked as a template, it is complete.
    async fn is_ready(&self, conn: &mut AsyncPgConnection) -> QueryResult<bool> {
        #[derive(QueryableByName)]
        struct Ready {
            #[diesel(sql_type = Bool)]
            ready: bool,
        }
        let query =
            diesel::sql_query("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate) AS ready");
        Ok(query.bind::<Text, _>(&self.name).get_result::<Ready>(conn).await?.ready)
    }

    /// Drops those of the program's earlier builds, and this one where its making was cut short. Those of the same build with
    /// other migrations stay: other tests of the program clone them.
    async fn drop_superseded(&self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        #[derive(QueryableByName)]
        struct Old {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let query = diesel::sql_query(
            "SELECT datname::text AS name FROM pg_database
             WHERE starts_with(datname::text, $1) AND NOT starts_with(datname::text, $2) OR datname = $3",
        );
        let query = query.bind::<Text, _>(&self.program).bind::<Text, _>(&self.build).bind::<Text, _>(&self.name);
        for Old { name } in query.load(conn).await? {
            diesel::sql_query(format!("ALTER DATABASE {name} WITH is_template false")).execute(conn).await?;
            diesel::sql_query(format!("DROP DATABASE {name} WITH (FORCE)")).execute(conn).await?;
        }
        Ok(())
    }
}

/// Eight digits; PostgreSQL cuts names after 63 characters.
fn short_hash(value: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:08x}", hasher.finish() & 0xffff_ffff)
}

/// Migrations want a runtime with several threads; the test's has one.
fn provision_and_migrate(service: &str, template: &str, migrations: Vec<EmbeddedMigrations>) -> anyhow::Result<()> {
    let script = workspace().join("migrations/provision.sql");
    let psql = Command::new("psql")
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", &format!("service={service}")])
        .args(["-v", &format!("owner_password={PASSWORD}"), "-v", &format!("app_password={PASSWORD}")])
        .arg("-f")
        .arg(script)
        .arg(url_of(template, None))
        .output()
        .context("psql does not start")?;
    ensure!(psql.status.success(), "provision.sql: {}", String::from_utf8_lossy(&psql.stderr));
    let owner = url_of(template, Some(&format!("{service}_owner"))).into();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(chassis::db::migrate(&owner, migrations))?;
    Ok(())
}

/// A template that someone has just been connected to cannot be cloned for a moment.
async fn clone(template: &str, name: &str) -> anyhow::Result<()> {
    let mut conn = cluster().await?;
    let mut tries = 0;
    loop {
        match diesel::sql_query(format!("CREATE DATABASE {name} TEMPLATE {template}")).execute(&mut conn).await {
            Err(error) if tries < 50 && error.to_string().contains("being accessed by other users") => {
                tries += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            made => return made.map(drop).context("the template cannot be cloned"),
        }
    }
}

async fn cluster() -> anyhow::Result<AsyncPgConnection> {
    let url = &Endpoints::get().postgres;
    AsyncPgConnection::establish(url).await.with_context(|| format!("no PostgreSQL at {url}"))
}

fn url_of(database: &str, role: Option<&str>) -> String {
    let mut url: Url = Endpoints::get().postgres.parse().expect("a URL of PostgreSQL");
    url.set_path(database);
    if let Some(role) = role {
        url.set_username(role).and_then(|()| url.set_password(Some(PASSWORD))).expect("a URL with a role");
    }
    url.into()
}
