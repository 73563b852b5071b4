//! Whose appointments a caller may know of, and whose they may change. Roles are in the permission table of `auth`;
//! here is what *care* and *own* mean for appointments. What break-glass opened is care, for its hour.

use auth::{Action, Actor, Reach, Role, reach};
use diesel::alias;
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use crate::appointment::{Entry, Visible};
use crate::merged;
use crate::people::StaffMember;
use crate::schema::{appointments, patients};

/// A caller's reach, worked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Every appointment.
    All,
    /// Those with this doctor.
    OfDoctor(i64),
    /// Those of the patients in this doctor's care, the doctor's own among them.
    CareOf(i64),
    /// Those of the patients in the care of the doctors of a nurse's department, where she has one, the doctors' own among them.
    CareOfNurse {
        /// Account of the nurse.
        nurse: i64,
        /// Her department.
        department: Option<String>,
    },
    /// Those of the patient whom break-glass opened to this request.
    Opened(i64),
    /// Those of the patient with this account.
    OfPatient(i64),
    /// None: somebody who is no doctor or nurse any more, whatever their token says.
    Nothing,
}

impl Scope {
    /// How far the caller's reach for an action goes. A nurse's department is looked up, whence the connection.
    pub async fn of(conn: &mut AsyncPgConnection, actor: &Actor, reach: Reach) -> QueryResult<Self> {
        Ok(match (reach, actor.role) {
            (Reach::All, _) => Self::All,
            (Reach::Own, Role::Patient) => Self::OfPatient(actor.user_id),
            (reach, Role::Doctor | Role::Nurse) => Self::of_staff(conn, actor, reach).await?,
            _ => Self::Nothing,
        })
    }

    async fn of_staff(conn: &mut AsyncPgConnection, actor: &Actor, reach: Reach) -> QueryResult<Self> {
        let known = StaffMember::find(conn, actor.user_id).await?;
        if known.as_ref().is_some_and(|member| !member.is_active || member.role != actor.role.as_str()) {
            return Ok(Self::Nothing);
        }
        Ok(match (reach, actor.role) {
            (Reach::Care, Role::Nurse) => {
                let department = known.map(|nurse| nurse.department).filter(|department| !department.is_empty());
                Self::CareOfNurse { nurse: actor.user_id, department }
            }
            (Reach::Care, Role::Doctor) => Self::CareOf(actor.user_id),
            (Reach::Own, Role::Doctor) => Self::OfDoctor(actor.user_id),
            _ => Self::Nothing,
        })
    }

    /// Whether it ends at somebody's care, so that break-glass widens it.
    pub fn ends_at_care(&self) -> bool {
        matches!(self, Self::CareOf(_) | Self::CareOfNurse { .. })
    }

    /// The scope of an action beside the one in the handler's signature.
    pub async fn for_action(conn: &mut AsyncPgConnection, actor: &Actor, action: Action) -> QueryResult<Self> {
        match reach(actor.role, action) {
            Some(reach) => Self::of(conn, actor, reach).await,
            None => Ok(Self::Nothing),
        }
    }

    /// Keeps what is within.
    pub fn narrow(&self, all: Visible<'static>) -> Visible<'static> {
        match self {
            Self::All => all,
            Self::OfDoctor(doctor) => all.filter(appointments::doctor_id.eq(*doctor)),
            Self::CareOf(doctor) => in_care_of(all, *doctor),
            Self::CareOfNurse { nurse, department: Some(department) } => in_care_of_department(all, *nurse, department),
            Self::CareOfNurse { nurse, department: None } => {
                all.filter(diesel::dsl::sql::<Bool>(OPENED).bind::<BigInt, _>(*nurse).sql(")"))
            }
            Self::Opened(patient) => {
                all.filter(diesel::dsl::sql::<Bool>(merged::IS_OF).bind::<BigInt, _>(*patient).sql("))"))
            }
            Self::OfPatient(account) => all.filter(patients::user_id.eq(*account)),
            Self::Nothing => all.filter(false.into_sql::<Bool>()),
        }
    }

    /// Whether one at hand is within.
    pub async fn covers(&self, conn: &mut AsyncPgConnection, entry: &Entry) -> QueryResult<bool> {
        match self {
            Self::All => Ok(true),
            within => Ok(Entry::find(conn, within, entry.appointment.id).await?.is_some()),
        }
    }

    /// Whether the doctor is one whose hours or bookings are within.
    pub fn covers_doctor(&self, doctor: i64) -> bool {
        match self {
            Self::All => true,
            Self::OfDoctor(own) | Self::CareOf(own) => *own == doctor,
            Self::CareOfNurse { .. } | Self::Opened(_) | Self::OfPatient(_) | Self::Nothing => false,
        }
    }
}

/// Whether a patient is in a doctor's care, as far as it is known here: primary doctor, or an appointment within 90 days.
pub async fn is_in_care(conn: &mut AsyncPgConnection, doctor: i64, patient: i64) -> QueryResult<bool> {
    let theirs = patients::table.find(patient).filter(patients::primary_doctor_id.eq(doctor));
    let seen = alias!(appointments as seen);
    let seen = seen
        .filter(seen.field(appointments::patient_id).eq(patient))
        .filter(seen.field(appointments::doctor_id).eq(doctor))
        .filter(diesel::dsl::sql::<Bool>(LATELY));
    diesel::select(exists(theirs).or(exists(seen))).get_result(conn).await
}

/// Seen within 90 days, or to be seen.
const LATELY: &str = "seen.status NOT IN ('CANCELLED', 'NO_SHOW') \
    AND seen.starts_at BETWEEN now() - interval '90 days' AND now() + interval '90 days'";

/// Those of the patients whom break-glass opened, for its hour.
const OPENED: &str = "appointments.patient_id IN (SELECT unnest(one_patient(granted.patient)) FROM break_glass_grants granted \
    WHERE granted.expires_at > now() AND granted.actor = ";

/// The doctor's own, and every appointment of those whose primary doctor they are or whom they see within 90 days.
fn in_care_of(all: Visible<'static>, doctor: i64) -> Visible<'static> {
    all.filter(
        diesel::dsl::sql::<Bool>("(appointments.doctor_id = ")
            .bind::<BigInt, _>(doctor)
            .sql(" OR appointments.patient_id IN (SELECT seen.patient_id FROM appointments seen WHERE ")
            .sql(LATELY)
            .sql(" AND seen.doctor_id = ")
            .bind::<BigInt, _>(doctor)
            .sql(") OR appointments.patient_id IN (SELECT theirs.id FROM patients theirs WHERE theirs.primary_doctor_id = ")
            .bind::<BigInt, _>(doctor)
            .sql(") OR ")
            .sql(OPENED)
            .bind::<BigInt, _>(doctor)
            .sql("))"),
    )
}

/// The same for all doctors of a department: what its nurses see.
fn in_care_of_department(all: Visible<'static>, nurse: i64, department: &str) -> Visible<'static> {
    let department = || department.to_owned();
    all.filter(
        diesel::dsl::sql::<Bool>("(staff.role = 'DOCTOR' AND staff.department = ")
            .bind::<Text, _>(department())
            .sql(
                " OR appointments.patient_id IN (SELECT seen.patient_id FROM appointments seen \
                 JOIN staff doctor ON doctor.id = seen.doctor_id WHERE doctor.role = 'DOCTOR' AND ",
            )
            .sql(LATELY)
            .sql(" AND doctor.department = ")
            .bind::<Text, _>(department())
            .sql(
                ") OR appointments.patient_id IN (SELECT theirs.id FROM patients theirs \
                 JOIN staff doctor ON doctor.id = theirs.primary_doctor_id \
                 WHERE doctor.role = 'DOCTOR' AND doctor.department = ",
            )
            .bind::<Text, _>(department())
            .sql(") OR ")
            .sql(OPENED)
            .bind::<BigInt, _>(nurse)
            .sql("))"),
    )
}
