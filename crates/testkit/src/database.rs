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
        let template = template_name(service, &migrations);
        make_template(service, &template, migrations).await.expect("a migrated template");
        let name = format!("t_{service}_{}", Uuid::now_v7().simple());
        clone(&template, &name).await.expect("a clone of the template");
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

/// Names the build, so that a template is never older than the migrations in the program: a migration's text cannot be seen from here.
fn template_name(service: &str, migrations: &[EmbeddedMigrations]) -> String {
    let mut hasher = DefaultHasher::new();
    for source in migrations {
        let found: Vec<Box<dyn Migration<Pg>>> = source.migrations().expect("embedded migrations");
        found.iter().for_each(|migration| migration.name().to_string().hash(&mut hasher));
    }
    let program = std::env::current_exe().expect("this program");
    let built = program.metadata().and_then(|file| file.modified()).expect("its time");
    (program, built.duration_since(UNIX_EPOCH).unwrap_or_default()).hash(&mut hasher);
    format!("{}{:016x}", template_prefix(service), hasher.finish())
}

/// Begins the names of the same test program's templates, whenever it was built; others' are left alone.
fn template_prefix(service: &str) -> String {
    let program = std::env::current_exe().expect("this program");
    let stem = program.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.rsplit_once('-').map_or(&*stem, |(name, _hash)| name);
    let mut hasher = DefaultHasher::new();
    (name, program.parent(), std::env::var_os("CARGO_MANIFEST_DIR")).hash(&mut hasher);
    format!("tpl_{service}_{:08x}_", hasher.finish() & 0xffff_ffff)
}

async fn make_template(service: &str, template: &str, migrations: Vec<EmbeddedMigrations>) -> anyhow::Result<()> {
    let mut conn = cluster().await?;
    if is_ready(&mut conn, template).await? {
        return Ok(());
    }
    diesel::sql_query("SELECT pg_advisory_lock($1)").bind::<BigInt, _>(TEMPLATE_LOCK).execute(&mut conn).await?;
    if is_ready(&mut conn, template).await? {
        return Ok(());
    }
    drop_templates(&mut conn, &template_prefix(service)).await?;
    diesel::sql_query(format!("CREATE DATABASE {template}")).execute(&mut conn).await?;
    let (service, name) = (service.to_owned(), template.to_owned());
    tokio::task::spawn_blocking(move || provision_and_migrate(&service, &name, migrations)).await??;
    diesel::sql_query(format!("ALTER DATABASE {template} WITH is_template true")).execute(&mut conn).await?;
    Ok(())
}

/// Marked as a template, it is complete.
async fn is_ready(conn: &mut AsyncPgConnection, template: &str) -> QueryResult<bool> {
    #[derive(QueryableByName)]
    struct Ready {
        #[diesel(sql_type = Bool)]
        ready: bool,
    }
    let query =
        diesel::sql_query("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1 AND datistemplate) AS ready");
    Ok(query.bind::<Text, _>(template).get_result::<Ready>(conn).await?.ready)
}

/// Templates of earlier builds, and one whose making was cut short.
async fn drop_templates(conn: &mut AsyncPgConnection, prefix: &str) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Old {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let query = diesel::sql_query("SELECT datname::text AS name FROM pg_database WHERE starts_with(datname::text, $1)");
    let old: Vec<Old> = query.bind::<Text, _>(prefix).load(conn).await?;
    for Old { name } in old {
        diesel::sql_query(format!("ALTER DATABASE {name} WITH is_template false")).execute(conn).await?;
        diesel::sql_query(format!("DROP DATABASE {name} WITH (FORCE)")).execute(conn).await?;
    }
    Ok(())
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
