//! Messages that are applied after ones that came after them: left by a fault and taken up by the worker, replayed by a person,
//! or overtaken on another connection. What came later stands.

use chassis::prepared::Prepare as _;
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::Binary;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use hl7::Content;
use hl7::clinical::Appointment;

use super::apply::Work;
use crate::schema::hl7_messages;

/// How many later messages about a patient's appointments are looked at, the newest first.
const MOST: i64 = 50;

/// Whether a message of the same sender that came after this one has brought the patient's record up to date already.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn is_overtaken(conn: &mut AsyncPgConnection, work: &Work<'_>, patient: i64) -> QueryResult<bool> {
    use hl7_messages::dsl;
    let later = dsl::hl7_messages
        .filter(dsl::patient.eq(patient).and(dsl::id.gt(work.message)).and(dsl::status.eq("APPLIED")))
        .filter(dsl::sending_application.eq(&work.header.sending_application))
        .filter(dsl::sending_facility.eq(&work.header.sending_facility))
        .filter(dsl::event.like("ADT^%"));
    diesel::select(exists(later)).get_result(conn).await
}

/// Whether a message of the same sender that came after this one has told of the same appointment already.
///
/// # Errors
/// When PostgreSQL refuses.
pub async fn is_rescheduled(
    conn: &mut AsyncPgConnection,
    work: &Work<'_>,
    patient: i64,
    appointment: &Appointment,
) -> QueryResult<bool> {
    use hl7_messages::dsl;
    let later: Vec<Vec<u8>> = dsl::hl7_messages
        .filter(dsl::patient.eq(patient).and(dsl::id.gt(work.message)).and(dsl::status.eq("APPLIED")))
        .filter(dsl::sending_application.eq(&work.header.sending_application))
        .filter(dsl::sending_facility.eq(&work.header.sending_facility))
        .filter(dsl::event.like("SIU^%"))
        .order(dsl::id.desc())
        .limit(MOST)
        .select(sql::<Binary>("coalesce(corrected, raw)"))
        .prepared()
        .load(conn)
        .await?;
    Ok(later.iter().any(|raw| is_about(raw, appointment)))
}

fn is_about(raw: &[u8], appointment: &Appointment) -> bool {
    let Ok(Content::Schedule(later)) = hl7::parse(raw).and_then(|message| hl7::read(&message)) else { return false };
    let is_one = |one: &Option<_>, other: &Option<_>| one.is_some() && one == other;
    is_one(&later.appointment.filler, &appointment.filler) || is_one(&later.appointment.placer, &appointment.placer)
}
