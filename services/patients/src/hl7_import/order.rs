//! Messages that are applied after ones that came after them: left by a fault and taken up by the worker, replayed by a person,
//! or overtaken on another connection. What came later stands.

use chassis::prepared::Prepare as _;
use diesel::dsl::{exists, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Text};
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
    if diesel::select(exists(later)).get_result(conn).await? {
        return Ok(true);
    }
    let overtaken = diesel::sql_query(OVERTAKEN_AMONG_OTHERS)
        .bind::<BigInt, _>(work.message)
        .bind::<Text, _>(&work.header.sending_application)
        .bind::<Text, _>(&work.header.sending_facility)
        .bind::<BigInt, _>(patient);
    overtaken.prepared().get_result::<Overtaken>(conn).await.map(|found| found.is_overtaken)
}

/// The row of a message about several patients (A40) is the first one's; its answer names all, by the ids that they had then. The
/// messages since are walked by their ids, few as they nearly always are: `OFFSET 0` keeps the planner from another way.
const OVERTAKEN_AMONG_OTHERS: &str = "SELECT EXISTS (SELECT FROM (SELECT * FROM hl7_messages WHERE id > $1 ORDER BY id OFFSET 0) AS later \
    CROSS JOIN LATERAL jsonb_array_elements_text(later.answer -> 'patients') AS told (id) \
    JOIN patients ON patients.id = told.id::bigint \
    WHERE later.status = 'APPLIED' AND later.sending_application = $2 AND later.sending_facility = $3 AND later.event LIKE 'ADT^%' \
    AND coalesce(patients.merged_into, patients.id) = $4) AS is_overtaken";

#[derive(QueryableByName)]
struct Overtaken {
    #[diesel(sql_type = Bool)]
    is_overtaken: bool,
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
