//! An account's second factor: its row, and the check of a code. The row is held during a check, so that of two uses of
//! one code at the same instant one succeeds.

use chrono::{DateTime, Duration, Utc};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use secrecy::ExposeSecret;

use super::input::Presented;
use super::keys::{MfaKeys, Sealed};
use super::recovery;
use super::totp::Secret;
use crate::error::Error;
use crate::schema::mfa_enrolments;

/// So many wrong codes are forgiven; then each costs twice the pause of the one before.
const FORGIVEN: i32 = 5;
const FIRST_PAUSE: Duration = Duration::seconds(30);
/// Long enough that guessing takes centuries, short enough that nobody is locked out for good.
const LONGEST_PAUSE: Duration = Duration::minutes(15);

/// A row of `mfa_enrolments`.
#[derive(Queryable, Selectable)]
#[diesel(table_name = mfa_enrolments, check_for_backend(diesel::pg::Pg))]
pub struct Enrolment {
    user_id: i64,
    key_id: String,
    sealed: Vec<u8>,
    verified_at: Option<DateTime<Utc>>,
    last_step: Option<i64>,
    failures: i32,
    failed_at: Option<DateTime<Utc>>,
}

/// What came of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// It was right, and is used now.
    Right,
    /// It was not, or was used before.
    Wrong,
    /// Too many wrong ones: not looked at for so many seconds.
    Paused(u32),
}

impl Enrolment {
    /// The account's second factor, in force or not, held until the transaction ends.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn hold(conn: &mut AsyncPgConnection, user_id: i64) -> QueryResult<Option<Self>> {
        mfa_enrolments::table.find(user_id).select(Self::as_select()).for_update().first(conn).await.optional()
    }

    /// Whether the account has a second factor in force.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn in_force(conn: &mut AsyncPgConnection, user_id: i64) -> QueryResult<bool> {
        let verified = mfa_enrolments::table.find(user_id).filter(mfa_enrolments::verified_at.is_not_null());
        diesel::select(diesel::dsl::exists(verified)).get_result(conn).await
    }

    /// Keeps a new secret that is not in force yet, instead of one that never was. `false`: one is in force.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn begin(
        conn: &mut AsyncPgConnection,
        user_id: i64,
        sealed: &Sealed,
        now: DateTime<Utc>,
    ) -> QueryResult<bool> {
        use diesel::query_dsl::methods::FilterDsl;
        use mfa_enrolments::dsl;
        let secret = (dsl::key_id.eq(&sealed.key_id), dsl::sealed.eq(&sealed.bytes), dsl::made_at.eq(now));
        let written = diesel::insert_into(dsl::mfa_enrolments)
            .values((dsl::user_id.eq(user_id), secret))
            .on_conflict(dsl::user_id)
            .do_update()
            .set(secret)
            .filter(dsl::verified_at.is_null())
            .execute(conn)
            .await?;
        Ok(written == 1)
    }

    /// Whether it is in force: a code of it was verified.
    #[must_use]
    pub fn is_in_force(&self) -> bool {
        self.verified_at.is_some()
    }

    /// Checks a code and uses it up. A wrong one is counted, and the caller commits that.
    ///
    /// # Errors
    /// When PostgreSQL refuses or the secret cannot be opened.
    pub async fn check(
        &self,
        conn: &mut AsyncPgConnection,
        keys: &MfaKeys,
        code: &Presented,
        now: DateTime<Utc>,
    ) -> Result<Check, Error> {
        // a recovery code has 120 bits, which nobody guesses: with one, its owner gets in past the wrong codes of others
        let pause = self.pause(now).filter(|_| !matches!(code, Presented::Recovery(_)));
        if let Some(seconds) = pause {
            return Ok(Check::Paused(seconds));
        }
        let right = match code {
            Presented::Recovery(code) => recovery::spend(conn, self.user_id, code.expose_secret(), now).await?,
            Presented::Totp(code) => self.spend(conn, keys, code.expose_secret(), now).await?,
            Presented::Neither => false,
        };
        self.count(conn, right, now).await?;
        Ok(if right { Check::Right } else { Check::Wrong })
    }

    /// Counts a wrong code, or what stands for one; forgets them after a right one.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn count(&self, conn: &mut AsyncPgConnection, right: bool, now: DateTime<Utc>) -> QueryResult<()> {
        use mfa_enrolments::dsl;
        let (failures, failed_at) = if right { (0, None) } else { (self.failures.saturating_add(1), Some(now)) };
        diesel::update(dsl::mfa_enrolments.find(self.user_id))
            .set((dsl::failures.eq(failures), dsl::failed_at.eq(failed_at)))
            .execute(conn)
            .await
            .map(drop)
    }

    /// For how many seconds no code is looked at.
    #[must_use]
    pub fn pause(&self, now: DateTime<Utc>) -> Option<u32> {
        let beyond = u32::try_from(self.failures.checked_sub(FORGIVEN)?).ok()?;
        let pause = FIRST_PAUSE.checked_mul(2_i32.saturating_pow(beyond)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
        let left = self.failed_at?.checked_add_signed(pause)?.signed_duration_since(now);
        u32::try_from(left.num_seconds().saturating_add(1)).ok().filter(|_| left > Duration::zero())
    }

    async fn spend(
        &self,
        conn: &mut AsyncPgConnection,
        keys: &MfaKeys,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let secret = self.secret(keys)?;
        let Some(step) = secret.step_of(code, now, self.last_step) else { return Ok(false) };
        use mfa_enrolments::dsl;
        diesel::update(dsl::mfa_enrolments.find(self.user_id)).set(dsl::last_step.eq(step)).execute(conn).await?;
        if keys.is_old(&self.as_sealed()) {
            let sealed = keys.seal(&secret, self.user_id)?;
            diesel::update(dsl::mfa_enrolments.find(self.user_id))
                .set((dsl::key_id.eq(&sealed.key_id), dsl::sealed.eq(&sealed.bytes)))
                .execute(conn)
                .await?;
        }
        Ok(true)
    }

    /// Puts it in force; gives the recovery codes.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn put_in_force(&self, conn: &mut AsyncPgConnection, now: DateTime<Utc>) -> Result<Vec<String>, Error> {
        let verified = mfa_enrolments::verified_at.eq(now);
        diesel::update(mfa_enrolments::table.find(self.user_id)).set(verified).execute(conn).await?;
        recovery::renew(conn, self.user_id).await
    }

    /// Takes it away, and the recovery codes with it.
    ///
    /// # Errors
    /// When PostgreSQL refuses.
    pub async fn remove(self, conn: &mut AsyncPgConnection) -> QueryResult<()> {
        diesel::delete(mfa_enrolments::table.find(self.user_id)).execute(conn).await.map(drop)
    }

    fn secret(&self, keys: &MfaKeys) -> Result<Secret, Error> {
        keys.open(&self.as_sealed(), self.user_id)
    }

    fn as_sealed(&self) -> Sealed {
        Sealed { key_id: self.key_id.clone(), bytes: self.sealed.clone() }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn wrong_codes_cost_more_and_more_time_but_never_for_good() {
        let now = Utc::now();
        let pause = |failures| {
            let enrolment = Enrolment {
                user_id: 1,
                key_id: String::new(),
                sealed: Vec::new(),
                verified_at: None,
                last_step: None,
                failures,
                failed_at: Some(now),
            };
            enrolment.pause(now)
        };
        assert_eq!(
            [0, 4, 5, 6, 9, 10, 1_000_000, i32::MAX].map(pause),
            [None, None, Some(31), Some(61), Some(481), Some(901), Some(901), Some(901)]
        );
    }
}
