//! `import-django`: the users of the old system, out of Django's `dumpdata`.
//!
//! Each user is one transaction: the account, its event, its audit row, and the old id, by which a second run knows it.

pub mod account;
pub mod dump;

use std::collections::HashMap;
use std::io::BufRead;

use chassis::trail::{Facts, Trail};
use chrono::Utc;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use events::Outbox;

use self::account::{Account, Record, Roles};
use self::dump::Objects;
use crate::deed::Deed;
use crate::error::Error;
use crate::schema::{django_users, users};
use crate::user::{User, taken, taken_by_another};

/// How a dump is to be taken.
#[derive(Debug, Clone)]
pub struct Import {
    /// Who becomes what.
    pub roles: Roles,
    /// The model of its users, `auth.user` unless the old system had its own.
    pub model: String,
    /// Whether nothing is written in the end.
    pub dry_run: bool,
}

/// What became of a dump.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Written now, or, in a dry run, that would be.
    pub imported: u64,
    /// There from a run before; nothing was changed.
    pub present: u64,
    /// Not written; each was told why.
    pub refused: u64,
    /// Objects of other models.
    pub others: u64,
}

/// A user that was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Which object of the dump, from 1.
    pub object: u64,
    /// Its id there, and its username, as far as it has them.
    pub who: String,
    /// Everything that is wrong with it.
    pub faults: Vec<String>,
}

impl Import {
    /// Takes the dump in, and tells of each user that is refused as it goes. It can be stopped and run again. A dry run is
    /// one transaction that is rolled back, so that it sees users of the dump that are in each other's way.
    ///
    /// # Errors
    /// When the dump breaks off or PostgreSQL refuses; what was imported before that stays.
    pub async fn run(
        &self,
        conn: &mut AsyncPgConnection,
        dump: impl BufRead + Send,
        tell: &mut (impl FnMut(Refused) + Send),
    ) -> anyhow::Result<Tally> {
        if !self.dry_run {
            return self.take_in(conn, dump, tell).await;
        }
        let mut answer = Ok(Tally::default());
        let rolled_back = conn
            .transaction(async |conn| -> QueryResult<()> {
                answer = self.take_in(conn, dump, tell).await;
                Err(DieselError::RollbackTransaction)
            })
            .await;
        match rolled_back {
            Err(DieselError::RollbackTransaction) | Ok(()) => answer,
            Err(fault) => Err(fault.into()),
        }
    }

    async fn take_in(
        &self,
        conn: &mut AsyncPgConnection,
        dump: impl BufRead + Send,
        tell: &mut (impl FnMut(Refused) + Send),
    ) -> anyhow::Result<Tally> {
        let (mut tally, mut group_names, mut object) = (Tally::default(), HashMap::new(), 0_u64);
        for value in Objects::of(dump) {
            object = object.saturating_add(1);
            let value = value?;
            let who = name(&value);
            let landed = match serde_json::from_value::<Record>(value) {
                Ok(record) if record.model.eq_ignore_ascii_case(&self.model) => {
                    match Account::read(record, &self.roles, &group_names) {
                        Ok(account) => land(conn, &account).await?,
                        Err(faults) => Landed::Refused(faults),
                    }
                }
                Ok(record) => {
                    group_names.extend(account::group(&record).filter(|_| record.model == "auth.group"));
                    Landed::Other
                }
                Err(_quoting) => Landed::Refused(vec!["is no object as Django dumps one".to_owned()]),
            };
            let count = match landed {
                Landed::Imported => &mut tally.imported,
                Landed::Present => &mut tally.present,
                Landed::Other => &mut tally.others,
                Landed::Refused(faults) => {
                    tell(Refused { object, who, faults });
                    &mut tally.refused
                }
            };
            *count = count.saturating_add(1);
        }
        Ok(tally)
    }
}

enum Landed {
    Imported,
    Present,
    Other,
    Refused(Vec<String>),
}

async fn land(conn: &mut AsyncPgConnection, account: &Account) -> Result<Landed, Error> {
    let landed = conn.transaction(async |conn| -> Result<Landed, Error> {
        let known = django_users::table.find(&account.pk);
        if diesel::select(diesel::dsl::exists(known)).get_result(conn).await? {
            return Ok(Landed::Present);
        }
        let taken = taken(conn, Some(&account.user.username), account.user.email.expose(), 0).await?;
        let fields = [(taken.username, "username"), (taken.email, "email")];
        let faults: Vec<String> = fields
            .iter()
            .filter(|(taken, _)| *taken)
            .map(|(_, field)| format!("{field} is another account's"))
            .collect();
        if !faults.is_empty() {
            return Ok(Landed::Refused(faults));
        }
        write(conn, account).await?;
        Ok(Landed::Imported)
    });
    match landed.await {
        // somebody registered at this very moment
        Err(fault) if taken_by_another(&fault) => {
            Ok(Landed::Refused(vec!["username or email is another account's".to_owned()]))
        }
        landed => landed,
    }
}

async fn write(conn: &mut AsyncPgConnection, account: &Account) -> Result<(), Error> {
    let joined = account.joined.unwrap_or_else(Utc::now);
    let user: User = diesel::insert_into(users::table)
        .values((&account.user, users::is_active.eq(account.is_active), users::created_at.eq(joined)))
        .returning(User::as_returning())
        .get_result(conn)
        .await?;
    diesel::insert_into(django_users::table)
        .values((django_users::pk.eq(&account.pk), django_users::user_id.eq(user.id)))
        .execute(conn)
        .await?;
    crate::events::registered(conn, &Outbox::new(), None, &user).await?;
    let object = format!("IMPORT /api/users/{}/", user.id);
    let trail = Trail::of_facts(Facts { operation: "IMPORT".to_owned(), object, ..Facts::default() });
    Ok(Deed::Import.write(conn, &trail).await?)
}

fn name(value: &serde_json::Value) -> String {
    let pk = value.get("pk").map(ToString::to_string).unwrap_or_default();
    let username = value.get("fields").and_then(|fields| fields.get("username")).and_then(|name| name.as_str());
    let printable: String = username.unwrap_or_default().chars().filter(|c| !c.is_control()).take(150).collect();
    format!("{} {printable}", pk.chars().take(66).collect::<String>()).trim().to_owned()
}
