//! Who may see and change which patients. [`visible_to`] is the only way to rows: there is no other constructor of a
//! query that reads patients on a caller's behalf.
//!
//! A grant of [`break_glass`](crate::break_glass) is care of one patient, for an hour.

use auth::{Action, Permission, Permit, Reach, Role};
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool};

use crate::schema::patients;

/// Whose records a caller sees, and how much of each.
#[derive(Clone, Debug)]
pub struct Scope {
    whose: Whose,
    details: bool,
}

#[derive(Clone, Copy, Debug)]
enum Whose {
    All,
    CareOfDoctor(i64),
    CareOfNurse(i64),
    User(i64),
}

impl Scope {
    /// The scope that a permit grants.
    pub fn of<P: Permission>(permit: &Permit<P>) -> Self {
        let actor = &permit.actor;
        let whose = match (permit.reach, actor.role) {
            (Reach::All, _) => Whose::All,
            (Reach::Care, Role::Nurse) => Whose::CareOfNurse(actor.user_id),
            (Reach::Care, _) => Whose::CareOfDoctor(actor.user_id),
            (Reach::Own, _) => Whose::User(actor.user_id),
        };
        Self { whose, details: actor.reach(Action::PatientDetails).is_some() }
    }

    /// What the service itself sees, where it acts on nobody's behalf.
    pub(crate) fn of_the_service() -> Self {
        Self { whose: Whose::All, details: true }
    }

    /// Whether it ends at somebody's care, so that break-glass widens it.
    pub fn ends_at_care(&self) -> bool {
        matches!(self.whose, Whose::CareOfDoctor(_) | Whose::CareOfNurse(_))
    }

    /// The same without an end: what a search by break-glass looks through.
    pub(crate) fn beyond_care(&self) -> Self {
        Self { whose: Whose::All, ..self.clone() }
    }

    /// Whether all the demographics are shown, or only name, number, phone and address.
    pub fn shows_details(&self) -> bool {
        self.details
    }
}

/// The patients that a scope shows. One who was merged into another is that other, and not shown twice.
pub fn visible_to(scope: &Scope) -> patients::BoxedQuery<'static, Pg> {
    let all = patients::table.filter(patients::merged_into.is_null()).into_boxed();
    match scope.whose {
        Whose::All => all,
        Whose::CareOfDoctor(doctor) => all.filter(InCare::OfDoctor(doctor)),
        Whose::CareOfNurse(nurse) => all.filter(InCare::OfNurse(nurse)),
        Whose::User(user) => all.filter(patients::user_id.eq(user)),
    }
}

/// Fields that a role may change, besides those that everyone who may write may change.
pub fn may_change(role: Role, field: &str) -> bool {
    const CONTACT: [&str; 5] = ["phone", "email", "address", "emergency_contact", "preferred_language"];
    match (role, field) {
        (Role::Patient, field) => CONTACT.contains(&field),
        (role, "is_active") => auth::reach(role, Action::PatientDeactivate).is_some(),
        // Whoever links a user to a record lets that user read it.
        (role, "user") => matches!(role, Role::Admin | Role::Receptionist),
        _ => true,
    }
}

/// In somebody's care: primary doctor, or an appointment in the last or next 90 days, or a grant of break-glass that has
/// not expired; a nurse's care is that of the doctors of her department. A `UNION`, so that each part uses its index.
#[derive(Debug, Clone, Copy)]
enum InCare {
    OfDoctor(i64),
    OfNurse(i64),
}

const OF_DOCTOR: [&str; 4] = [
    "patients.id IN (SELECT theirs.id FROM patients AS theirs WHERE theirs.primary_doctor = ",
    " UNION ALL SELECT visit.patient FROM care_appointments AS visit WHERE visit.status <> 'CANCELLED' \
     AND visit.starts_at BETWEEN now() - interval '90 days' AND now() + interval '90 days' AND visit.doctor = ",
    " UNION ALL SELECT coalesce(opened.merged_into, opened.id) FROM break_glass_grants AS granted \
     JOIN patients AS opened ON opened.id = granted.patient WHERE granted.expires_at > now() AND granted.actor = ",
    ")",
];

const OF_NURSE: [&str; 4] = [
    "patients.id IN (SELECT theirs.id FROM patients AS theirs WHERE theirs.primary_doctor IN \
     (SELECT doctor.id FROM staff AS nurse JOIN staff AS doctor USING (department) \
     WHERE nurse.is_active AND doctor.role = 'DOCTOR' AND department <> '' AND nurse.id = ",
    ") UNION ALL SELECT visit.patient FROM care_appointments AS visit WHERE visit.status <> 'CANCELLED' \
     AND visit.starts_at BETWEEN now() - interval '90 days' AND now() + interval '90 days' AND visit.doctor IN \
     (SELECT doctor.id FROM staff AS nurse JOIN staff AS doctor USING (department) \
     WHERE nurse.is_active AND doctor.role = 'DOCTOR' AND department <> '' AND nurse.id = ",
    ") UNION ALL SELECT coalesce(opened.merged_into, opened.id) FROM break_glass_grants AS granted \
     JOIN patients AS opened ON opened.id = granted.patient WHERE granted.expires_at > now() AND granted.actor = ",
    ")",
];

/// Nobody has care who is known to be no doctor or nurse any more, whatever their token says.
const STILL: &str = " AND NOT EXISTS (SELECT FROM staff AS gone WHERE gone.id = ";

impl QueryFragment<Pg> for InCare {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let ([primary, visit, granted, end], user) = match self {
            Self::OfDoctor(user) => (OF_DOCTOR, user),
            Self::OfNurse(user) => (OF_NURSE, user),
        };
        out.push_sql("(");
        for part in [primary, visit, granted] {
            out.push_sql(part);
            out.push_bind_param::<BigInt, _>(user)?;
        }
        out.push_sql(end);
        out.push_sql(STILL);
        out.push_bind_param::<BigInt, _>(user)?;
        out.push_sql(match self {
            Self::OfDoctor(_) => " AND NOT (gone.is_active AND gone.role = 'DOCTOR')))",
            Self::OfNurse(_) => " AND NOT (gone.is_active AND gone.role = 'NURSE')))",
        });
        Ok(())
    }
}

impl Expression for InCare {
    type SqlType = Bool;
}

impl QueryId for InCare {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl ValidGrouping<()> for InCare {
    type IsAggregate = is_aggregate::Never;
}

impl AppearsOnTable<patients::table> for InCare {}
impl SelectableExpression<patients::table> for InCare {}
